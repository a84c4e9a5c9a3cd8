#include "predictor/episodes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <latch>
#include <limits>
#include <numeric>
#include <utility>

#include "configs/errors.hpp"
#include "configs/interrupt.hpp"
#include "predictor/metrics.hpp"
#include "predictor/nn/layers.hpp"
#include "predictor/parallel.hpp"

namespace naslat {

namespace {

/// An episode's tasks go by in lanes, one after the other, whose gradients have one sum: fewer sums to go through
/// memory, and the same on any number of threads, of which no more than these have work.
constexpr std::size_t kLanes = 4;

/// At a latch at the end of its life, whatever happens before.
class Arrival {
 public:
  explicit Arrival(std::latch& latch) : latch_(latch) {}
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
  ~Arrival() { latch_.count_down(); }

 private:
  std::latch& latch_;
};

void require_number(double value, int episode) {
  if (std::isfinite(value)) return;
  throw DataError(fmt::format(
      "training: diverged in episode {}, wanted losses and predictions that are numbers: try a lower rate", episode));
}

/// Queries are what is left of a pool, or some of it.
void require_room(const DeviceTask& device, int support) {
  const std::size_t least = static_cast<std::size_t>(support) + 2;
  if (device.pool.size() >= least) return;
  throw DataError(fmt::format("{}: got {} networks to learn from, wanted at least {} for {} samples and queries",
                              device.device, device.pool.size(), least, support));
}

}  // namespace

EpisodeTrainer::EpisodeTrainer(const HelpTraining& config, Eigen::Index noise)
    : config_(config),
      noise_(noise),
      rng_(config.seed),
      adam_(config.rate),
      tapes_(static_cast<std::size_t>(config.threads)) {}

EpisodeTrainer::Best EpisodeTrainer::train(const SourcePool& pool, const TrainingObserver& observe) {
  graphs_.clear();
  for (const Encoding& encoding : pool.encodings) graphs_.push_back(coloured(encoding, kHelpDepth));
  for (const auto devices : {pool.train, pool.validate}) {
    for (const DeviceTask& device : devices) require_room(device, config_.support);
  }
  tasks_ = draw(pool);
  Best best;
  for (int number = 1; number <= config_.episodes; ++number) {
    if (interrupted()) throw Interrupted{};
    const double loss = episode(pool);
    require_number(loss, number);
    double spearman_now = std::numeric_limits<double>::quiet_NaN();
    if (number % config_.validate_every == 0 || number == config_.episodes) {
      spearman_now = validate(pool, number);
      if (spearman_now > best.validation_spearman) {
        best = {number, spearman_now};
        keep();
      }
    }
    observe(number, loss, spearman_now);
  }
  return best;
}

EpisodeTask EpisodeTrainer::draw(const DeviceTask& device) {
  const auto support = static_cast<std::size_t>(config_.support), wanted = static_cast<std::size_t>(config_.query);
  const std::vector<std::uint64_t> drawn =
      rng_.distinct(std::min(support + wanted, device.pool.size()), device.pool.size());
  EpisodeTask task{&device, {}, {}, {}, {}, normal_row(noise_, rng_)};
  std::vector<double> support_targets, query_targets;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const std::size_t position = device.pool[drawn[i]];
    (i < support ? task.support : task.query).push_back(&graphs_[position]);
    (i < support ? support_targets : query_targets).push_back(device.scale.target(device.latency_s[position]));
  }
  task.support_targets = column(support_targets);
  task.query_targets = column(query_targets);
  return task;
}

std::vector<EpisodeTask> EpisodeTrainer::draw(const SourcePool& pool) {
  std::vector<EpisodeTask> tasks;
  const auto count = std::min(static_cast<std::uint64_t>(config_.tasks), std::uint64_t{pool.train.size()});
  for (const std::uint64_t device : rng_.distinct(count, pool.train.size())) {
    tasks.push_back(draw(pool.train[device]));
  }
  return tasks;
}

/// One step over the drawn tasks; returns their mean query loss. Who has no task left draws the next ones, and whoever
/// is free when all are through updates weights.
double EpisodeTrainer::episode(const SourcePool& pool) {
  const std::vector<EpisodeTask> tasks = std::move(tasks_);
  std::vector<double> query_loss(tasks.size());
  sums_.resize(std::min(kLanes, tasks.size()));
  std::deque<std::latch> done;  // of each task; a vector would move them
  for (std::size_t i = 0; i < tasks.size(); ++i) done.emplace_back(1);
  const std::vector<Matrix<float>*> parameters = learned();
  adam_.begin_step(parameters);
  parallel_for(tasks.size() + 1 + parameters.size(), config_.threads, [&](std::size_t worker, std::size_t i) {
    if (i < tasks.size()) {
      const Arrival arrival(done[i]);
      if (i >= sums_.size()) done[i - sums_.size()].wait();  // for a task begun earlier
      query_loss[i] = differentiate(tapes_[worker], tasks[i], sums_[i % sums_.size()]);
    } else if (i == tasks.size()) {
      tasks_ = draw(pool);
    } else {
      for (const std::latch& task : done) task.wait();
      const std::size_t p = i - tasks.size() - 1;
      update(p, *parameters[p], tasks.size());
    }
  });
  return std::accumulate(query_loss.begin(), query_loss.end(), 0.0) / static_cast<double>(tasks.size());
}

/// A parameter by the mean of its gradients, whose sums are zero afterwards.
void EpisodeTrainer::update(std::size_t p, Matrix<float>& parameter, std::size_t tasks) {
  Matrix<float>& mean = sums_[0][p];
  for (std::size_t lane = 1; lane < sums_.size(); ++lane) {
    mean += sums_[lane][p];
    sums_[lane][p].setZero();  // for the next episode, while it is in the caches
  }
  mean *= 1 / static_cast<float>(tasks);
  adam_.update(p, parameter, mean);
  mean.setZero();
}

/// Mean Spearman over devices: adapt to random samples of the pool, rank the queries. The same samples every time, so
/// that episodes are compared and not draws.
double EpisodeTrainer::validate(const SourcePool& pool, int number) const {
  const std::unique_ptr<LatencyPredictor> now = predictor();
  Rng rng(config_.seed ^ 0x76616c6964617465ULL);
  double sum = 0;
  for (const DeviceTask& device : pool.validate) {
    Samples support;
    for (const std::uint64_t i : rng.distinct(static_cast<std::uint64_t>(config_.support), device.pool.size())) {
      support.x.push_back(pool.encodings[device.pool[i]]);
      support.latency_s.push_back(device.latency_s[device.pool[i]]);
    }
    std::vector<Encoding> queries;
    std::vector<double> measured_s;
    for (const std::size_t i : device.queries) {
      queries.push_back(pool.encodings[i]);
      measured_s.push_back(device.latency_s[i]);
    }
    const std::vector<double> predicted_s =
        now->adapt(device.embedding, support, device.scale, rng)->predict_s(queries);
    for (const double latency_s : predicted_s) require_number(latency_s, number);
    sum += spearman(predicted_s, measured_s);
  }
  return sum / static_cast<double>(pool.validate.size());
}

}  // namespace naslat
