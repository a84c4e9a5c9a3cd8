#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/table.hpp"
#include "measure/sweep.hpp"
#include "predictor/calibration.hpp"
#include "predictor/candidates.hpp"
#include "predictor/commands.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/registry.hpp"

namespace naslat {

namespace {

struct Options {
  std::vector<std::string> data, archs, train;
  std::string space = "nasbench201", device, predictor = "additive", checkpoint, out;
  std::size_t most_samples = 200;
  std::uint64_t seed = 0;
  bool json = false;
};

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

std::unique_ptr<LatencyPredictor> prepared(const Options& o, const SearchSpace& space,
                                           const std::vector<LatencyTable>& tables) {
  if (o.predictor == "help") return load_predictor(space.name(), o.checkpoint, 1);
  if (sources_of(o.predictor) == Sources::required) {
    throw ConfigError(fmt::format("predictor: {} is meta-trained: naslat evaluate does that", o.predictor));
  }
  auto predictor = make_predictor(o.predictor);
  if (o.train.empty()) {
    const Candidates typical = candidates(space);
    predictor->meta_train({typical.encodings, {}, {}}, [](int, double, double) {});
  } else {
    const Encodings encodings = encode_all(space, *tables.at(0).architectures, true);
    const std::vector<DeviceTask> sources = device_tasks(space, tables, o.train, true);
    predictor->meta_train({encodings, sources, {}}, [](int, double, double) {});
  }
  return predictor;
}

void run(const Options& o) {
  if (o.data.empty()) throw ConfigError("data: got none, wanted a latency dataset or table");
  const SearchSpace& space = search_space(o.space);
  const std::vector<LatencyTable> tables = read_all_tables(o.data, o.space);
  const LatencyTable& table = table_of(tables, o.device);
  const Known known(table, o.most_samples);
  const std::vector<Architecture> asked = select_architectures(space, o.archs, most_informative);

  const auto predictor = prepared(o, space, tables);
  const Samples support{encode_all(space, known.fitted, true), known.fitted_s, table.facts};
  Rng rng(o.seed);
  const TargetScale scale = known.fitted_s.size() < 2 ? TargetScale{} : target_scale(known.fitted_s);
  auto estimator = predictor->adapt(embedding_of(space, known, o.predictor), support, scale, rng);
  if (o.predictor == "help") estimator = calibrate(std::move(estimator), support);
  const Encodings encodings = encode_all(space, asked, true);
  const std::vector<double> predicted_s = estimator->predict_s(encodings), spread_s = estimator->spread_s(encodings);

  Table result{fmt::format("{} on {} ({}), by {} from {} samples", o.space, table.device, to_string(table.origin),
                           o.predictor, support.x.size()),
               {{"architecture"}, {"index"}, {"predicted_ms"}, {"plus_minus_ms"}, {"latency_ms"}},
               {}};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto index = space.index_of(asked[i]);
    const auto measured = known.latency_s.find(asked[i]);
    result.rows.push_back({space.format(asked[i]), index ? Cell(static_cast<std::int64_t>(*index)) : Cell(),
                           predicted_s[i] * 1e3, spread_s.empty() ? Cell() : Cell(kNinetyPercent * spread_s[i] * 1e3),
                           measured == known.latency_s.end() ? Cell() : Cell(measured->second * 1e3)});
  }
  if (!o.out.empty()) write_file(o.out, to_csv(result));
  if (o.json) {
    const nlohmann::ordered_json document = {{"space", o.space},
                                             {"device", table.device},
                                             {"origin", to_string(table.origin)},
                                             {"predictor", o.predictor},
                                             {"samples", support.x.size()},
                                             {"networks", nlohmann::ordered_json::parse(to_json(result))}};
    return fmt::print("{}\n", document.dump(2));
  }
  if (o.out.empty()) return fmt::print("{}", to_text(result));
  fmt::print("{}: {} predictions\n", o.out, asked.size());
}

}  // namespace

Action predict_command(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  app.add_option("data", o->data,
                 "latency datasets, clones of the HELP repository, CSV tables or folders of them; joined");
  app.add_option("--space", o->space, "search space")->capture_default_str();
  app.add_option("--device", o->device, "device of the data, if it has several");
  app.add_option("--archs", o->archs,
                 "reference, probe[:N], all, random:N[@SEED], range:A-B, file:PATH, or an architecture's own text")
      ->required();
  app.add_option("--predictor", o->predictor, fmt::format("of {}", fmt::join(predictor_names(), ", ")))
      ->capture_default_str();
  app.add_option("--train", o->train, "source devices of the same data, for predictors that can use them");
  app.add_option("--checkpoint", o->checkpoint, "of help: ours or HELP's .pt; default: the one in this binary");
  app.add_option("--max-samples", o->most_samples, "of the device's latencies, how many are fitted to at most")
      ->check(CLI::Range(2, 5000))
      ->capture_default_str();
  app.add_option("--seed", o->seed, "of the predictor's own draws")->capture_default_str();
  app.add_option("--out", o->out, "CSV file instead of a table");
  app.add_flag("--json", o->json, "one JSON document");
  app.footer("example: naslat predict server.jsonl --archs random:5");
  return [o] { run(*o); };
}

}  // namespace naslat
