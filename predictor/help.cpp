#include "predictor/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "configs/errors.hpp"
#include "configs/interrupt.hpp"
#include "predictor/metrics.hpp"
#include "predictor/nn/adam.hpp"
#include "predictor/parallel.hpp"

namespace naslat {

namespace {

constexpr int kDraws = 10;                  // of z; the adaptation is repeated with each, predictions are averaged
constexpr int kInnerSteps = 2;              // T of Eq. 7, in training and test
constexpr int kPlainGraphConvolutions = 3;  // the fourth is read out at the global node only
constexpr std::size_t kChunk = 500;         // architectures predicted at once: what fits the caches

Matrix<float> row(const std::vector<double>& values) {
  Matrix<float> matrix(1, static_cast<Eigen::Index>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    matrix(0, static_cast<Eigen::Index>(i)) = static_cast<float>(values[i]);
  return matrix;
}

Matrix<float> column(const std::vector<double>& values) { return row(values).transpose(); }

Matrix<float> normal_row(Eigen::Index count, Rng& rng) {
  Matrix<float> matrix(1, count);
  for (Eigen::Index i = 0; i < count; ++i) matrix(0, i) = static_cast<float>(rng.normal());
  return matrix;
}

std::vector<const Encoding*> pointers(std::span<const Encoding> encodings) {
  std::vector<const Encoding*> list;
  for (const Encoding& encoding : encodings) list.push_back(&encoding);
  return list;
}

std::vector<Matrix<float>> values_of(const Tape<float>& tape, const std::vector<Var>& vars) {
  std::vector<Matrix<float>> values;
  for (const Var x : vars) values.push_back(tape.value(x));
  return values;
}

/// What the network sees of a device.
Matrix<float> condition(const HardwareEmbedding& embedding, const HelpDesign& design) {
  const Matrix<float> v_h = row(embedding.v);
  return design.conditioned ? v_h : Matrix<float>::Zero(v_h.rows(), v_h.cols());
}

/// theta after the inner steps, for one draw of z.
struct AdaptedModel {
  std::vector<Matrix<float>> theta;
  std::optional<Matrix<float>> z;
};

AdaptedModel adapt_once(Tape<float>& tape, const HelpParameters& parameters, const HelpDesign& design,
                        const GraphBatch& support, const Matrix<float>& targets, const Matrix<float>& embedding,
                        const Matrix<float>& noise) {
  tape.clear();
  const HelpVars vars = on_tape(tape, parameters);
  const Var v_h = tape.leaf(embedding), wanted = tape.leaf(targets);
  std::optional<Var> z;
  if (design.modulated) z = sample_modulators(tape, modulators(tape, vars.z, v_h), tape.leaf(noise));
  std::vector<Var> theta = vars.theta;
  for (int step = 0; step < (design.adapted ? kInnerSteps : 0); ++step) {
    theta = inner_step(tape, support, wanted, v_h, theta, vars.rates, z);
  }
  return {values_of(tape, theta), z ? std::optional(tape.value(*z)) : std::nullopt};
}

class HelpEstimator final : public Estimator {
 public:
  HelpEstimator(std::vector<AdaptedModel> models, Matrix<float> embedding, TargetScale scale, int threads)
      : models_(std::move(models)), embedding_(std::move(embedding)), scale_(scale), threads_(threads) {}

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s(architectures.size());
    std::vector<Tape<float>> tapes(static_cast<std::size_t>(threads_));
    const std::size_t chunks = (architectures.size() + kChunk - 1) / kChunk;
    parallel_for(chunks, threads_, [&](std::size_t worker, std::size_t chunk) {
      const std::size_t first = chunk * kChunk, count = std::min(kChunk, architectures.size() - first);
      const Matrix<float> targets = mean_target(tapes[worker], architectures.subspan(first, count));
      for (std::size_t i = 0; i < count; ++i) {
        latency_s[first + i] = scale_.latency_s(static_cast<double>(targets(static_cast<Eigen::Index>(i), 0)));
      }
    });
    return latency_s;
  }

 private:
  [[nodiscard]] Matrix<float> mean_target(Tape<float>& tape, std::span<const Encoding> architectures) const {
    const GraphBatch batch = batch_graphs(pointers(architectures), kPlainGraphConvolutions);
    Matrix<float> sum = Matrix<float>::Zero(static_cast<Eigen::Index>(architectures.size()), 1);
    for (const AdaptedModel& model : models_) {
      tape.clear();
      std::vector<Var> theta;
      for (const Matrix<float>& value : model.theta) theta.push_back(tape.leaf(value));
      const std::optional<Var> z = model.z ? std::optional(tape.leaf(*model.z)) : std::nullopt;
      sum += tape.value(help_forward(tape, batch, tape.leaf(embedding_), theta, z));
    }
    return sum / static_cast<float>(models_.size());
  }

  std::vector<AdaptedModel> models_;
  Matrix<float> embedding_;
  TargetScale scale_;
  int threads_;
};

// ---- meta-training

/// One task of an episode, all random choices made.
struct EpisodeTask {
  const DeviceTask* device;
  std::vector<const Encoding*> support, query;
  Matrix<float> support_targets, query_targets, noise;
};

struct TaskGradients {
  std::vector<Matrix<float>> values;  ///< theta, then rates and z where they are learned
  double query_loss = 0;
};

class MetaTrainer {
 public:
  MetaTrainer(std::span<const Encoding> encodings, const HelpTraining& config)
      : encodings_(encodings),
        config_(config),
        rng_(config.seed),
        adam_(config.rate),
        tapes_(static_cast<std::size_t>(config.threads)) {
    const Encoding& any = encodings.front();
    parameters_ = initial_help_parameters(any.features, !any.adjacency.empty(), rng_);
  }

  [[nodiscard]] const HelpParameters& parameters() const { return parameters_; }

  /// One step of Eq. 8 over freshly drawn tasks; returns their mean query loss.
  double episode(std::span<const DeviceTask> devices) {
    std::vector<EpisodeTask> tasks;
    const auto count = std::min(static_cast<std::uint64_t>(config_.tasks), std::uint64_t{devices.size()});
    for (const std::uint64_t device : rng_.distinct(count, devices.size())) tasks.push_back(draw(devices[device]));

    std::vector<TaskGradients> results(tasks.size());
    parallel_for(tasks.size(), config_.threads,
                 [&](std::size_t worker, std::size_t i) { results[i] = differentiate(tapes_[worker], tasks[i]); });

    TaskGradients mean = std::move(results[0]);  // summed in the order of the tasks, whoever computed them
    for (std::size_t i = 1; i < results.size(); ++i) {
      for (std::size_t p = 0; p < mean.values.size(); ++p) mean.values[p] += results[i].values[p];
      mean.query_loss += results[i].query_loss;
    }
    const auto share = 1 / static_cast<float>(tasks.size());
    for (Matrix<float>& value : mean.values) value *= share;
    adam_.step(learned(), mean.values);
    return mean.query_loss / static_cast<double>(tasks.size());
  }

 private:
  EpisodeTask draw(const DeviceTask& device) {
    const auto support = static_cast<std::size_t>(config_.support), query = static_cast<std::size_t>(config_.query);
    const std::vector<std::uint64_t> drawn = rng_.distinct(support + query, device.pool.size());
    EpisodeTask task{&device, {}, {}, {}, {}, normal_row(kHelpModulators, rng_)};
    std::vector<double> support_targets, query_targets;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const std::size_t position = device.pool[drawn[i]];
      (i < support ? task.support : task.query).push_back(&encodings_[position]);
      (i < support ? support_targets : query_targets).push_back(device.scale.target(device.latency_s[position]));
    }
    task.support_targets = column(support_targets);
    task.query_targets = column(query_targets);
    return task;
  }

  /// Gradients of the query loss after adaptation, through the adaptation (second order).
  [[nodiscard]] TaskGradients differentiate(Tape<float>& tape, const EpisodeTask& task) const {
    tape.clear();
    const HelpVars vars = on_tape(tape, parameters_);
    const GraphBatch support = batch_graphs(task.support, kPlainGraphConvolutions);
    const GraphBatch query = batch_graphs(task.query, kPlainGraphConvolutions);
    const Var v_h = tape.leaf(condition(task.device->embedding, config_.design));
    const Var support_targets = tape.leaf(task.support_targets), query_targets = tape.leaf(task.query_targets);
    const Modulators prior = modulators(tape, vars.z, v_h);
    std::optional<Var> z;
    if (config_.design.modulated) z = sample_modulators(tape, prior, tape.leaf(task.noise));

    std::vector<Var> theta = vars.theta;
    for (int step = 0; step < (config_.design.adapted ? config_.inner_steps : 0); ++step) {
      theta = inner_step(tape, support, support_targets, v_h, theta, vars.rates, z);
    }
    const Var query_loss = mean_squared_error(tape, help_forward(tape, query, v_h, theta, z), query_targets);
    Var loss = query_loss;
    if (z) {
      const auto weight = static_cast<float>(config_.divergence_weight);
      loss = tape.add(query_loss, tape.scale(divergence(tape, prior), weight));
    }

    std::vector<Var> wrt = vars.theta;
    if (config_.design.learned_rates) wrt.insert(wrt.end(), vars.rates.begin(), vars.rates.end());
    if (config_.design.modulated) wrt.insert(wrt.end(), vars.z.begin(), vars.z.end());
    const double query_value = static_cast<double>(tape.scalar(query_loss));
    return {values_of(tape, tape.gradients(loss, wrt)), query_value};
  }

  std::vector<Matrix<float>*> learned() {
    std::vector<Matrix<float>*> list;
    const auto add = [&](std::vector<NamedMatrix>& group) {
      for (NamedMatrix& p : group) list.push_back(&p.value);
    };
    add(parameters_.theta);
    if (config_.design.learned_rates) add(parameters_.rates);
    if (config_.design.modulated) add(parameters_.z);
    return list;
  }

  std::span<const Encoding> encodings_;
  HelpTraining config_;
  Rng rng_;
  Adam adam_;
  HelpParameters parameters_;
  std::vector<Tape<float>> tapes_;
};

}  // namespace

std::unique_ptr<Estimator> HelpPredictor::adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                const TargetScale& scale, Rng& rng) const {
  if (embedding.v.size() != kHelpEmbedding) {
    throw DataError(fmt::format("{}: embedding: got {} values, wanted {}", name_, embedding.v.size(), kHelpEmbedding));
  }
  if (support.x.empty()) throw DataError(fmt::format("{}: support: got no samples, wanted at least 1", name_));
  if (!parameters_) throw DataError(fmt::format("{}: not meta-trained, and no checkpoint given", name_));
  std::vector<double> targets;
  for (const double s : support.latency_s) targets.push_back(scale.target(s));
  const GraphBatch batch = batch_graphs(pointers(support.x), kPlainGraphConvolutions);
  const Matrix<float> wanted = column(targets), v_h = condition(embedding, training_.design);
  Tape<float> tape;
  std::vector<AdaptedModel> models;
  for (int draw = 0; draw < (training_.design.modulated ? kDraws : 1); ++draw) {
    const Matrix<float> noise = normal_row(kHelpModulators, rng);
    models.push_back(adapt_once(tape, *parameters_, training_.design, batch, wanted, v_h, noise));
  }
  return std::make_unique<HelpEstimator>(std::move(models), v_h, scale, training_.threads);
}

namespace {

/// Mean Spearman over devices: adapt to 10 random samples of the pool, rank the queries. The same samples every time,
/// so that episodes are compared and not draws.
double validate(const SourcePool& pool, const HelpParameters& parameters, const HelpTraining& config) {
  const HelpPredictor predictor(std::make_shared<const HelpParameters>(parameters), config.threads, config.design);
  Rng rng(config.seed ^ 0x76616c6964617465ULL);
  double sum = 0;
  for (const DeviceTask& device : pool.validate) {
    Samples support;
    for (const std::uint64_t i : rng.distinct(static_cast<std::uint64_t>(config.support), device.pool.size())) {
      support.x.push_back(pool.encodings[device.pool[i]]);
      support.latency_s.push_back(device.latency_s[device.pool[i]]);
    }
    std::vector<Encoding> queries;
    std::vector<double> measured_s;
    for (const std::size_t i : device.queries) {
      queries.push_back(pool.encodings[i]);
      measured_s.push_back(device.latency_s[i]);
    }
    sum += spearman(predictor.adapt(device.embedding, support, device.scale, rng)->predict_s(queries), measured_s);
  }
  return sum / static_cast<double>(pool.validate.size());
}

}  // namespace

MetaTrained meta_train(const SourcePool& pool, const HelpTraining& config, const TrainingObserver& observe) {
  MetaTrainer trainer(pool.encodings, config);
  MetaTrained best{trainer.parameters(), 0, -2};
  for (int episode = 1; episode <= config.episodes; ++episode) {
    if (interrupted()) throw Interrupted{};
    const double loss = trainer.episode(pool.train);
    double spearman_now = std::numeric_limits<double>::quiet_NaN();
    if (episode % config.validate_every == 0 || episode == config.episodes) {
      spearman_now = validate(pool, trainer.parameters(), config);
      if (spearman_now > best.validation_spearman) best = {trainer.parameters(), episode, spearman_now};
    }
    observe(episode, loss, spearman_now);
  }
  return best;
}

void HelpPredictor::meta_train(const SourcePool& pool, const TrainingObserver& observe) {
  parameters_ = std::make_shared<const HelpParameters>(naslat::meta_train(pool, training_, observe).parameters);
}

}  // namespace naslat
