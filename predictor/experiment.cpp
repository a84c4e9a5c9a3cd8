#include "predictor/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>

#include "configs/errors.hpp"
#include "configs/interrupt.hpp"
#include "measure/progress.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/metrics.hpp"
#include "predictor/parallel.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/registry.hpp"

namespace naslat {

namespace {

/// A space's tables and architectures, made once for all sets.
struct SpaceData {
  std::vector<LatencyTable> tables;
  Encodings encodings;
};

SpaceData load(const Experiment& e, const std::string& space) {
  SpaceData data{read_all_tables(e.data, space), {}};
  const bool with_work =
      std::any_of(e.contestants.begin(), e.contestants.end(), [](const Contestant& c) { return needs_work(c.name); });
  data.encodings =
      encode_all(search_space(space), *data.tables.at(0).architectures, with_work, timed_modes(data.tables), e.threads);
  return data;
}

/// "LABEL v1 v2 …" of a label: one figure per device, or a single one that is their mean; empty if there is none.
std::vector<double> published_of(const DeviceSet& set, const std::string& label) {
  for (const std::string& text : set.published) {
    std::istringstream words(text);
    std::string name;
    words >> name;
    if (name != label) continue;
    std::vector<double> figures;
    for (double figure = 0; words >> figure;) figures.push_back(figure);
    if (!words.eof() || (figures.size() != set.devices.size() && figures.size() != 1)) {
      throw ConfigError(fmt::format("published: got '{}', wanted a name and one figure per device ({}) or their mean",
                                    text, set.devices.size()));
    }
    return figures;
  }
  return {};
}

/// The row of figures published under a name that no contestant has.
std::vector<ResultRow> others_published(const Experiment& e, const DeviceSet& set) {
  std::vector<ResultRow> rows;
  for (const std::string& text : set.published) {
    const std::string label = text.substr(0, text.find(' '));
    const std::vector<double> figures = published_of(set, label);
    const bool ours =
        std::any_of(e.contestants.begin(), e.contestants.end(), [&](const Contestant& c) { return c.label == label; });
    if (ours || figures.empty()) continue;
    ResultRow row{set.name, set.space, label, 0, false, "published", "mean", {}, {}};
    row.published = mean(figures);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Whether a contestant comes from a checkpoint, which is trained already.
bool is_loaded(const Experiment& e, const DeviceSet& set, const std::string& name) {
  return name == "help" && (set.train.empty() || !e.checkpoint.empty());
}

/// The devices a set judges on: where it names none, all that have a table and are no sources.
std::vector<std::string> targets_of(const Experiment& e, const DeviceSet& set,
                                    const std::vector<LatencyTable>& tables) {
  std::vector<std::string> sources = set.train;
  sources.insert(sources.end(), set.validate.begin(), set.validate.end());
  if (std::any_of(e.contestants.begin(), e.contestants.end(),
                  [&](const auto& c) { return is_loaded(e, set, c.name); })) {
    const std::vector<std::string> learned = source_devices(load_checkpoint(set.space, e.checkpoint));
    sources.insert(sources.end(), learned.begin(), learned.end());
  }
  const auto is_source = [&](const std::string& device) {
    return std::find(sources.begin(), sources.end(), device) != sources.end();
  };
  if (const auto both = std::find_if(set.devices.begin(), set.devices.end(), is_source); both != set.devices.end()) {
    throw ConfigError(fmt::format("{}: device {}: got it to learn from and to be judged on, wanted one of them",
                                  set.name.empty() ? "devices" : set.name, *both));
  }
  for (auto device = set.devices.begin(); device != set.devices.end(); ++device) {
    if (std::find(set.devices.begin(), device, *device) == device) continue;
    throw ConfigError(
        fmt::format("{}: device {}: got it twice, wanted it once", set.name.empty() ? "devices" : set.name, *device));
  }
  if (!set.devices.empty()) return set.devices;
  std::vector<std::string> others;
  for (const LatencyTable& table : tables) {
    if (!is_source(table.device)) others.push_back(table.device);
  }
  return others;
}

/// The devices that have a table; the others are noted, or refused where the set does not allow for it.
std::vector<std::string> with_tables(const DeviceSet& set, const char* role, const std::vector<std::string>& wanted,
                                     const std::vector<LatencyTable>& tables, std::vector<std::string>& notes) {
  std::vector<std::string> there, missing;
  for (const std::string& device : wanted) {
    const bool known = std::any_of(tables.begin(), tables.end(), [&](const auto& t) { return t.device == device; });
    (known || !set.partial ? there : missing).push_back(device);
  }
  if (!missing.empty()) {
    notes.push_back(fmt::format("{}: {} devices without a table: {}", set.name, role, fmt::join(missing, ", ")));
  }
  return there;
}

/// Ready to adapt: HELP from its checkpoint unless source devices are given, others trained on these.
std::unique_ptr<LatencyPredictor> prepared(const Experiment& e, const DeviceSet& set, const std::string& name,
                                           const SpaceData& data, const SourcePool& pool) {
  const Sources sources = sources_of(name);
  if (is_loaded(e, set, name)) return load_predictor(set.space, e.checkpoint, e.threads);
  if (sources == Sources::required && (pool.train.empty() || pool.validate.empty())) {
    throw ConfigError(fmt::format("predictors: {} learns from other devices: name them by train and validate", name));
  }
  HelpTraining training = e.training;
  if (sources != Sources::required) training.threads = 1;  // draws go side by side
  auto predictor = make_predictor(name, training);
  if (sources == Sources::none) return predictor;
  Progress progress(fmt::format("{} {}: training {} on {} devices", e.name, set.name, name, pool.train.size()),
                    e.quiet);
  predictor->meta_train({data.encodings, pool.train, pool.validate}, [&](int episode, double loss, double) {
    progress.update(static_cast<double>(episode) / e.training.episodes, fmt::format("query loss {:.4f}", loss));
  });
  return predictor;
}

/// `size` of the devices, in their order; a larger size of the same seed holds a smaller one.
std::vector<DeviceTask> drawn_pool(std::span<const DeviceTask> devices, int size, std::uint64_t seed) {
  std::vector<std::size_t> chosen(devices.size());
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  Rng rng = Rng(seed).fork();  // not the draws of the samples
  rng.shuffle(chosen);
  chosen.resize(static_cast<std::size_t>(size));
  std::sort(chosen.begin(), chosen.end());
  std::vector<DeviceTask> pool;
  for (const std::size_t i : chosen) pool.push_back(devices[i]);
  return pool;
}

using Predictors = std::vector<std::unique_ptr<LatencyPredictor>>;  // one for all draws, or one for each

/// Ready to adapt: trained on all source devices, or for each draw on `size` of them.
Predictors prepared_on(const Experiment& e, const DeviceSet& set, const std::string& name, const SpaceData& data,
                       const SourcePool& sources, int size) {
  Predictors predictors;
  if (size == 0 || sources_of(name) == Sources::none) {
    predictors.push_back(prepared(e, set, name, data, sources));
    return predictors;
  }
  for (int draw = 0; draw < e.seeds; ++draw) {
    const auto pool = drawn_pool(sources.train, size, e.seed + static_cast<std::uint64_t>(draw));
    predictors.push_back(prepared(e, set, name, data, {sources.encodings, pool, sources.validate}));
  }
  return predictors;
}

/// The sizes of pools to compete on, 0 for all source devices.
std::vector<int> pool_sizes(const Experiment& e, const DeviceSet& set, std::size_t sources) {
  if (e.train_devices.empty()) return {0};
  if (!e.checkpoint.empty()) throw ConfigError("train-devices: got a checkpoint too, which is trained already");
  if (sources == 0)
    throw ConfigError("train-devices: got a number of devices, but none to draw them from: name them by train");
  for (const int size : e.train_devices) {
    if (size < 1 || static_cast<std::size_t>(size) > sources) {
      throw ConfigError(
          fmt::format("train-devices: got {}, wanted 1 to {}, the source devices of {}", size, sources, set.name));
    }
  }
  return e.train_devices;
}

/// The row of device "mean": per draw, the mean over devices.
ResultRow mean_row(std::span<const ResultRow> devices) {
  ResultRow mean_of = devices.front();
  mean_of.device = "mean";
  mean_of.draws.assign(devices.front().draws.size(), {});
  mean_of.published.reset();
  mean_of.predictions = {};
  const auto count = static_cast<double>(devices.size());
  const bool all_published =
      std::all_of(devices.begin(), devices.end(), [](const ResultRow& row) { return row.published.has_value(); });
  for (const ResultRow& row : devices) {
    if (all_published) mean_of.published = mean_of.published.value_or(0) + *row.published / count;
    for (std::size_t draw = 0; draw < row.draws.size(); ++draw) {
      for (const auto field : kEvaluationFields) mean_of.draws[draw].*field += row.draws[draw].*field / count;
    }
  }
  return mean_of;
}

/// @pre there is such a table
Origin origin_of(const std::string& device, const std::vector<LatencyTable>& tables) {
  return std::find_if(tables.begin(), tables.end(), [&](const LatencyTable& t) { return t.device == device; })->origin;
}

Predictions predictions_of(const std::string& device, const DeviceSet& set, const SpaceData& data,
                           const Answers& answers) {
  const SearchSpace& space = search_space(set.space);
  Predictions predictions{std::string(to_string(origin_of(device, data.tables))),
                          {},
                          answers.estimated_s,
                          answers.measured_s,
                          answers.spread_s};
  for (double& half_width_s : predictions.half_width_s) half_width_s *= kNinetyPercent;
  for (const std::size_t position : answers.queries) {
    predictions.architectures.push_back(space.format(data.tables[0].architectures->at(position)));
  }
  return predictions;
}

/// One contestant under one protocol on every device of a set.
std::vector<ResultRow> compete(const Experiment& e, const DeviceSet& set, const Contestant& contestant,
                               const Predictors& predictors, const SpaceData& data,
                               const std::vector<DeviceTask>& tasks, EvaluationProtocol protocol) {
  const std::vector<double> published =
      protocol == EvaluationProtocol::strict ? std::vector<double>() : published_of(set, contestant.label);
  Progress progress(fmt::format("{} {}: {}", e.name, set.name, contestant.label), e.quiet);
  const bool own_threads = sources_of(contestant.name) == Sources::required;
  std::vector<ResultRow> rows;
  for (std::size_t d = 0; d < tasks.size(); ++d) {
    ResultRow row{set.name,           set.space, contestant.name,
                  contestant.samples, false,     std::string(to_string(protocol)),
                  tasks[d].device,    {},        {}};
    const auto named = static_cast<std::size_t>(std::ranges::find(set.devices, row.device) - set.devices.begin());
    if (published.size() == set.devices.size() && named < published.size()) row.published = published[named];
    row.draws.resize(static_cast<std::size_t>(e.seeds));
    parallel_for(row.draws.size(), own_threads ? 1 : e.threads, [&](std::size_t, std::size_t s) {
      if (interrupted()) throw Interrupted{};
      const LatencyPredictor& predictor = *predictors[s % predictors.size()];
      const Answers answers =
          ask(predictor, data.encodings, tasks[d], protocol, contestant.samples, e.seed + s, e.designed);
      row.draws[s] = judge(answers);
      if (e.predictions && s == 0) row.predictions = predictions_of(row.device, set, data, answers);
    });
    row.designed = row.draws[0].designed;
    rows.push_back(std::move(row));
    progress.update(static_cast<double>(d + 1) / static_cast<double>(tasks.size()), tasks[d].device);
  }
  rows.push_back(mean_row(rows));
  if (published.size() == 1) rows.back().published = published[0];
  return rows;
}

}  // namespace

std::vector<double> ResultRow::all(double Evaluation::*field) const {
  std::vector<double> values;
  for (const Evaluation& draw : draws) values.push_back(draw.*field);
  return values;
}

ExperimentResult run_experiment(const Experiment& e) {
  ExperimentResult result;
  std::map<std::string, SpaceData> spaces;
  const bool latencies_only =
      std::all_of(e.contestants.begin(), e.contestants.end(), [](const auto& c) { return needs_work(c.name); }) &&
      std::find(e.protocols.begin(), e.protocols.end(), EvaluationProtocol::paper) == e.protocols.end();
  for (const DeviceSet& set : e.sets) static_cast<void>(others_published(e, set));  // all are read before any work
  for (const DeviceSet& set : e.sets) {
    if (!spaces.contains(set.space)) spaces.emplace(set.space, load(e, set.space));
    const SpaceData& data = spaces.at(set.space);
    const SearchSpace& space = search_space(set.space);
    const auto tasks_of = [&](const char* role, const std::vector<std::string>& devices) {
      return device_tasks(space, data.tables, with_tables(set, role, devices, data.tables, result.notes),
                          latencies_only);
    };
    const std::vector<DeviceTask> train = tasks_of("source", set.train),
                                  validate = tasks_of("validation", set.validate),
                                  tasks = tasks_of("target", targets_of(e, set, data.tables));
    if (tasks.empty()) continue;  // noted
    for (const auto* const devices : {&train, &validate, &tasks}) {
      for (const DeviceTask& task : *devices) result.origins.emplace(to_string(origin_of(task.device, data.tables)));
    }
    for (const int size : pool_sizes(e, set, train.size())) {
      std::map<std::string, Predictors> predictors;
      for (const Contestant& contestant : e.contestants) {
        auto& ready = predictors[contestant.name];
        if (ready.empty()) {
          ready = prepared_on(e, set, contestant.name, data, {data.encodings, train, validate}, size);
        }
        for (const EvaluationProtocol protocol : e.protocols) {
          for (ResultRow& row : compete(e, set, contestant, ready, data, tasks, protocol)) {
            row.train_devices = size;
            result.rows.push_back(std::move(row));
          }
        }
      }
    }
    for (ResultRow& row : others_published(e, set)) result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace naslat
