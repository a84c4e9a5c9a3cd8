#include "predictor/fitted_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "configs/errors.hpp"
#include "predictor/calibration.hpp"
#include "predictor/candidates.hpp"
#include "predictor/help.hpp"
#include "predictor/parallel.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/registry.hpp"

namespace naslat {

namespace {

const LatencyTable& table_of(const std::vector<LatencyTable>& tables, const std::string& device) {
  std::vector<std::string> names;
  for (const LatencyTable& table : tables) names.push_back(table.device);
  if (device.empty() && tables.size() == 1) return tables[0];
  for (const LatencyTable& table : tables) {
    if (table.device == device) return table;
  }
  throw ConfigError(fmt::format("device: got '{}', wanted one of {}", device, fmt::join(names, ", ")));
}

/// The device's latencies by architecture; of many, every so many-th is fitted to.
struct Known {
  std::map<Architecture, double> latency_s;
  std::vector<Architecture> fitted;
  std::vector<double> fitted_s;
  std::vector<BlockTimes> fitted_block_s;

  Known(const LatencyTable& table, std::size_t most) {
    std::vector<std::size_t> measured;
    for (std::size_t i = 0; i < table.latency_s.size(); ++i) {
      if (!std::isfinite(table.latency_s[i])) continue;
      measured.push_back(i);
      latency_s.emplace((*table.architectures)[i], table.latency_s[i]);
    }
    const std::size_t count = std::min(most, measured.size());
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t i = measured[k * measured.size() / count];
      fitted.push_back((*table.architectures)[i]);
      fitted_s.push_back(table.latency_s[i]);
      if (!table.block_s.empty()) fitted_block_s.push_back(table.block_s[i]);
    }
  }
};

/// V_h of a device whose references are known; other predictors than HELP do without.
HardwareEmbedding embedding_of(const SearchSpace& space, const Known& known, const std::string& predictor) {
  std::vector<double> latency_s;
  for (const Architecture& reference : space.references()) {
    const auto found = known.latency_s.find(reference);
    if (found != known.latency_s.end()) {
      latency_s.push_back(found->second);
    } else if (predictor == "help") {
      throw DataError(fmt::format("help: reference {} has no latency, wanted all ten: naslat measure --archs reference",
                                  space.format(reference)));
    }
  }
  return latency_s.size() < 2 ? HardwareEmbedding{} : embed(latency_s);
}

/// Those that need no meta-training here.
std::vector<std::string> ready_predictors() {
  std::vector<std::string> names = predictor_names();
  std::erase_if(names, [](const auto& name) { return sources_of(name) == Sources::required && name != "help"; });
  return names;
}

std::unique_ptr<LatencyPredictor> prepared(const DeviceRequest& o, const SearchSpace& space,
                                           const std::vector<LatencyTable>& tables) {
  if (!o.checkpoint.empty() && o.predictor != "help") {
    throw ConfigError(fmt::format("checkpoint: got one for {}, wanted it for help", o.predictor));
  }
  const std::vector<std::string> known = predictor_names();
  if (std::find(known.begin(), known.end(), o.predictor) == known.end()) {
    throw ConfigError(
        fmt::format("predictor: got '{}', wanted one of {}", o.predictor, fmt::join(ready_predictors(), ", ")));
  }
  if (!o.train.empty() && sources_of(o.predictor) != Sources::optional) {
    throw ConfigError(fmt::format("train: got devices, but {} does not learn from others here", o.predictor));
  }
  if (o.predictor == "help") return load_predictor(space.name(), o.checkpoint, all_cores());
  if (sources_of(o.predictor) == Sources::required) {
    throw ConfigError(fmt::format("predictor: {} is meta-trained: naslat evaluate does that", o.predictor));
  }
  auto predictor = make_predictor(o.predictor, {.threads = all_cores()});
  if (!o.train.empty()) {
    const Encodings encodings = encode_all(space, *tables.at(0).architectures, true);
    const std::vector<DeviceTask> sources = device_tasks(space, tables, o.train, true);
    predictor->meta_train({encodings, sources, {}}, [](int, double, double) {});
  } else if (sources_of(o.predictor) != Sources::none) {
    const Candidates typical = candidates(space);
    predictor->meta_train({typical.encodings, {}, {}}, [](int, double, double) {});
  }
  return predictor;
}

}  // namespace

Table labelled(Table table, const std::string& device, Origin origin) {
  table.columns.insert(table.columns.end(), {{"device"}, {"origin"}});
  for (auto& row : table.rows) row.insert(row.end(), {device, std::string(to_string(origin))});
  return table;
}

std::vector<std::string> files_of(const DeviceRequest& request) {
  std::vector<std::string> files = request.data;
  files.push_back(request.checkpoint);
  return files;
}

void add_device_options(Command& command, DeviceRequest& request) {
  command.option(
      "data", request.data,
      "latency datasets, CSV tables, folders of either, clones of the HELP repository; joined, the first that "
      "has a latency counts");
  command.option("--space", request.space, "search space").shows_default();
  command.option("--device", request.device, "device of the data, if it has several");
  command.option("--predictor", request.predictor, fmt::format("of {}", fmt::join(ready_predictors(), ", ")))
      .shows_default();
  command.option("--train", request.train, "source devices of the same data, for predictors that can use them");
  command.option("--checkpoint", request.checkpoint, "of help: ours or HELP's .pt; default: the one in this binary");
  command.option("--max-samples", request.most_samples, "of the device's latencies, how many are fitted to at most")
      .within(2, 5000)
      .shows_default();
  command.option("--seed", request.seed, "of all draws").shows_default();
}

std::string FittedDevice::title() const {
  return fmt::format("{} on {} ({}), by {} from {} samples", space.name(), device, to_string(origin), predictor,
                     samples);
}

Encodings FittedDevice::encode(std::span<const Architecture> architectures) const {
  return encode_all(space, architectures, needs_work(predictor), modes, all_cores());
}

std::vector<double> FittedDevice::predict_s(std::span<const Architecture> architectures) const {
  return estimator->predict_s(encode(architectures));
}

Table FittedDevice::predictions(std::span<const Architecture> architectures) const {
  const Encodings encodings = encode(architectures);
  const std::vector<double> predicted_s = estimator->predict_s(encodings), spread_s = estimator->spread_s(encodings);
  Table table{title(), {{"architecture"}, {"index"}, {"predicted_ms"}, {"plus_minus_ms"}, {"latency_ms"}}, {}};
  for (std::size_t i = 0; i < architectures.size(); ++i) {
    const auto index = space.index_of(architectures[i]);
    const auto known = latency_s.find(architectures[i]);
    table.rows.push_back({space.format(architectures[i]), index ? Cell(static_cast<std::int64_t>(*index)) : Cell(),
                          predicted_s[i] * 1e3, spread_s.empty() ? Cell() : Cell(kNinetyPercent * spread_s[i] * 1e3),
                          known == latency_s.end() ? Cell() : Cell(known->second * 1e3)});
  }
  return table;
}

FittedDevice fit_device(const DeviceRequest& o) {
  if (o.data.empty()) throw ConfigError("data: got none, wanted a latency dataset or table");
  const SearchSpace& space = search_space(o.space);
  const std::vector<LatencyTable> tables = read_all_tables(o.data, o.space);
  const LatencyTable& table = table_of(tables, o.device);
  if (std::ranges::find(o.train, table.device) != o.train.end()) {
    throw ConfigError(fmt::format("train: got {}, which is asked about, wanted other devices", table.device));
  }
  Known known(table, o.most_samples);

  const auto predictor = prepared(o, space, tables);
  std::vector<GraphMode> modes = timed_modes({&table, 1});
  const Samples support{encode_all(space, known.fitted, needs_work(o.predictor), modes), known.fitted_s, table.facts,
                        known.fitted_block_s};
  Rng rng(o.seed);
  const TargetScale scale = known.fitted_s.size() < 2 ? TargetScale{} : target_scale(known.fitted_s);
  auto estimator = predictor->adapt(embedding_of(space, known, o.predictor), support, scale, rng);
  if (o.predictor == "help") estimator = calibrate(std::move(estimator), support);
  return {space,       table.device,     table.origin,         std::move(known.latency_s),
          o.predictor, support.x.size(), std::move(estimator), std::move(modes)};
}

}  // namespace naslat
