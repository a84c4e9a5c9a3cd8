#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "configs/table.hpp"
#include "measure/backend.hpp"
#include "measure/progress.hpp"
#include "measure/sweep.hpp"
#include "predictor/commands.hpp"
#include "predictor/fitted_device.hpp"
#include "predictor/metrics.hpp"
#include "predictor/search/evolution.hpp"
#include "predictor/search/score.hpp"

namespace naslat {

namespace {

constexpr std::size_t kTop = 5;

struct Options {
  DeviceRequest device;
  std::optional<double> limit_ms;
  std::string accuracy, maximize, algorithm = "auto", out;
  EvolutionOptions evolution;
  std::optional<std::size_t> top;
  bool pareto = false, measure = false, json = false, quiet = false;
};

void require(const Options& o) {
  if (o.accuracy.empty() == o.maximize.empty()) {
    throw ConfigError(
        fmt::format("accuracy, maximize: got {}, wanted one of them", o.accuracy.empty() ? "none" : "both"));
  }
  if (!o.limit_ms && !o.pareto) throw ConfigError("limit-ms: got none, wanted a limit, or --pareto");
  if (o.limit_ms && !(*o.limit_ms > 0))
    throw ConfigError(fmt::format("limit-ms: got {}, wanted more than 0", *o.limit_ms));
  if (o.pareto && o.top) throw ConfigError("top, pareto: got both, wanted one: a front is as long as it is");
  if (o.measure && o.device.data.size() != 1) {
    throw ConfigError(
        fmt::format("measure: got {} places of data, wanted the one dataset to add to", o.device.data.size()));
  }
}

/// What can be evaluated one by one: the networks with a score if a table lists them, else a space with indices.
std::optional<std::vector<Architecture>> listed(const SearchSpace& space, const Score& score) {
  if (score.known || !space.size()) return score.known;
  std::vector<Architecture> all;
  for (std::uint64_t index = 0; index < *space.size(); ++index) all.push_back(space.at(index));
  return all;
}

bool searches_all(const std::string& algorithm, const std::optional<std::vector<Architecture>>& all,
                  const SearchSpace& space) {
  constexpr std::size_t kMost = 100'000;
  if (algorithm == "auto") return all && all->size() <= kMost;
  if (algorithm == "exhaustive" && !all) {
    throw ConfigError(
        fmt::format("algorithm: got exhaustive, but space '{}' is not enumerable, wanted evolution", space.name()));
  }
  return algorithm == "exhaustive";
}

struct Found {
  std::string algorithm;
  std::size_t evaluated = 0;
  double search_s = 0;
  std::vector<Candidate> networks;
};

/// The first of them, without those that are the same chain of layers in other words: where FBNet skips among blocks of
/// one kind is all the same.
std::vector<Candidate> different_ones(const SearchSpace& space, std::span<const Candidate> candidates,
                                      std::size_t count) {
  std::set<std::uint64_t> seen;
  std::vector<Candidate> different;
  for (const Candidate& candidate : candidates) {
    if (different.size() == count) break;
    if (seen.insert(fingerprint(space.network(candidate.architecture))).second) different.push_back(candidate);
  }
  return different;
}

Found search(const Options& o, const FittedDevice& device, const Score& score) {
  const Clock now = steady_clock();
  const double started_s = now();
  SearchProblem problem{device.space, score.of, [&](auto architectures) { return device.predict_s(architectures); }};
  if (o.limit_ms) problem.limit_s = *o.limit_ms / 1e3;
  Progress progress("search", o.quiet);
  const SearchObserver observe = [&](double done, std::size_t evaluated) {
    progress.update(done, fmt::format("{} networks", evaluated));
  };
  const auto all = listed(device.space, score);
  const bool exhaustive = searches_all(o.algorithm, all, device.space);
  std::vector<Candidate> evaluated =
      exhaustive ? search_all(problem, *all, observe) : evolve(problem, o.evolution, observe);
  const std::size_t count = evaluated.size();
  std::vector<Candidate> networks =
      o.pareto ? pareto_front(std::move(evaluated))
               : different_ones(device.space, best(std::move(evaluated), count), o.top.value_or(kTop));
  return {exhaustive ? "exhaustive" : "evolution", count, now() - started_s, std::move(networks)};
}

std::vector<Architecture> architectures_of(const Found& found) {
  std::vector<Architecture> list;
  for (const Candidate& network : found.networks) list.push_back(network.architecture);
  return list;
}

/// The dataset to add to; nothing is written to what is no dataset.
std::unique_ptr<DatasetWriter> opened(const std::string& path) {
  static_cast<void>(read_dataset(path));
  return std::make_unique<DatasetWriter>(path);
}

/// Times the networks as the dataset's device, which this machine must be, into the dataset, and adds their latencies
/// to what is known of the device, in units of the anchors that its predictions are in.
void time_again(const Options& o, const Found& found, FittedDevice& device, DatasetWriter& writer) {
  const Dataset& before = writer.dataset();
  const auto of_device = [&](const Measurement& m) {
    return m.device == device.device && m.space == device.space.name() && m.origin != Origin::imported;
  };
  const auto example = std::find_if(before.measurements.begin(), before.measurements.end(), of_device);
  if (example == before.measurements.end()) {
    throw ConfigError(fmt::format("measure: {}: got no record of {}, wanted one that naslat measured", o.device.data[0],
                                  device.device));
  }
  const Device as_before = example->device_config;
  const SweepOptions options{
      .protocol = example->protocol, .device_name = device.device, .blocks = !example->blocks.empty()};
  const double anchor_s = before.reference_anchor_s(device.space.name(), device.device);
  Progress progress("timing what was found", o.quiet);
  sweep(device.space, architectures_of(found), backend(as_before.backend), as_before, options, writer, progress);
  for (const Measurement& m : writer.dataset().measurements) {
    if (!of_device(m)) continue;
    if (const auto latency_s = corrected_latency_s(m, anchor_s)) {
      device.latency_s[device.space.parse(m.architecture)] = *latency_s;
    }
  }
}

/// What the times of the networks found say of their predictions, which did not know them.
/// @param before what was known of the device
std::string verdict(const Options& o, const Found& found, const FittedDevice& device,
                    const std::map<Architecture, double>& before) {
  std::vector<double> predicted_s, measured_s;
  std::size_t kept = 0;
  for (const Candidate& network : found.networks) {
    if (before.contains(network.architecture)) continue;
    const auto timed = device.latency_s.find(network.architecture);
    if (timed == device.latency_s.end()) continue;
    predicted_s.push_back(network.latency_s);
    measured_s.push_back(timed->second);
    if (!o.limit_ms || timed->second * 1e3 <= *o.limit_ms) ++kept;
  }
  if (measured_s.empty()) return "none of them was timed that was not known before";
  std::string text = fmt::format("timed: {} of {}, median error {:.1f}%", measured_s.size(), found.networks.size(),
                                 100 * median_ape(predicted_s, measured_s));
  if (o.limit_ms) text += fmt::format(", {} within {} ms", kept, *o.limit_ms);
  return text;
}

Table table_of(const FittedDevice& device, const Score& score, const Found& found) {
  Table table = device.predictions(architectures_of(found));
  table.title += fmt::format("; {} over {} networks in {:.1f} s", found.algorithm, found.evaluated, found.search_s);
  constexpr std::ptrdiff_t kColumn = 2;  // beside what names the network
  table.columns.insert(table.columns.begin() + kColumn, {score.column, 2});
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto place = table.rows[i].begin() + kColumn;
    const double value = found.networks[i].score;
    if (score.known) {
      table.rows[i].emplace(place, value);
    } else {
      table.rows[i].emplace(place, static_cast<std::int64_t>(value));
    }
  }
  return table;
}

void run(const Options& o) {
  require(o);
  std::vector<std::string> read = files_of(o.device);
  read.push_back(o.accuracy.substr(0, o.accuracy.rfind(':')));
  read.push_back(o.accuracy);
  refuse_to_replace(o.out, read);
  const std::unique_ptr<DatasetWriter> timed = o.measure ? opened(o.device.data[0]) : nullptr;
  const SearchSpace& space = search_space(o.device.space);
  const Score score = o.maximize.empty() ? accuracy_score(o.accuracy, space) : size_score(o.maximize, space);
  FittedDevice device = fit_device(o.device);
  const Found found = search(o, device, score);
  const std::map<Architecture, double> before = device.latency_s;
  if (timed) time_again(o, found, device, *timed);
  const Table table = table_of(device, score, found);
  if (!o.out.empty()) write_file(o.out, to_csv(labelled(table, device.device, device.origin)));
  if (o.json) {
    const Json document = {{"space", device.space.name()},
                           {"device", device.device},
                           {"origin", to_string(device.origin)},
                           {"predictor", device.predictor},
                           {"samples", device.samples},
                           {"limit_ms", o.limit_ms ? Json(*o.limit_ms) : Json()},
                           {"score", score.column},
                           {"algorithm", found.algorithm},
                           {"evaluated", found.evaluated},
                           {"search_s", found.search_s},
                           {"networks", parse_json(to_json(table))}};
    return fmt::print("{}\n", json_text(document, Json::error_handler_t::replace));
  }
  fmt::print("{}", o.out.empty() ? to_text(table)
                                 : fmt::format("{}\n{}: {} networks\n", table.title, o.out, table.rows.size()));
  if (!score.known) fmt::print("{} stands in for accuracy, which is not known here\n", score.column);
  if (o.measure) return fmt::print("{}\n", verdict(o, found, device, before));
  const auto known_beyond = std::ranges::count_if(found.networks, [&](const Candidate& network) {
    const auto known = device.latency_s.find(network.architecture);
    return o.limit_ms && known != device.latency_s.end() && known->second * 1e3 > *o.limit_ms;
  });
  if (known_beyond > 0) fmt::print("{} of them are known to take more than {} ms\n", known_beyond, *o.limit_ms);
  constexpr std::size_t kOnALine = 10;
  if (found.networks.size() > kOnALine) return fmt::print("to time them: --measure\n");
  std::string archs;
  for (const Candidate& network : found.networks) {
    const auto index = device.space.index_of(network.architecture);
    archs += index ? fmt::format(" {}", *index) : fmt::format(" '{}'", device.space.format(network.architecture));
  }
  fmt::print("to time them: --measure, or elsewhere naslat measure --space {} --archs{} --out found.jsonl\n",
             device.space.name(), archs);
}

}  // namespace

Action search_command(Command& command) {
  const auto o = std::make_shared<Options>();
  add_device_options(command, o->device);
  command.option("--limit-ms", o->limit_ms, "of the predicted latency");
  command.option(
      "--accuracy", o->accuracy,
      "FILE[:COLUMN]: CSV table of accuracies in percent by architecture or index; the best is searched for");
  command.option("--maximize", o->maximize, "macs or parameters, a stand-in where accuracies are not known")
      .one_of({"macs", "parameters"});
  command.flag("--pareto", o->pareto,
               "the networks that no other beats in both latency and score, instead of the best");
  command.flag("--measure", o->measure, "time what was found, on the dataset's own machine, and add it to the dataset");
  command.option("--top", o->top, fmt::format("how many of the best, by default {}", kTop)).within(1, 10000);
  command.option("--algorithm", o->algorithm, "auto is exhaustive where at most 100,000 networks come into question")
      .one_of({"auto", "exhaustive", "evolution"})
      .shows_default();
  EvolutionOptions& e = o->evolution;
  command.option("--generations", e.generations, "of the evolution").within(1, 1000000).shows_default();
  command.option("--population", e.population, "networks per generation").within(1, 100000).shows_default();
  command.option("--parent-ratio", e.parent_ratio, "of the population: the best, which live on")
      .within(0.0, 1.0)
      .shows_default();
  command.option("--mutation-probability", e.mutation_probability, "of each choice of a mutated parent")
      .within(0.0, 1.0)
      .shows_default();
  command.option("--mutation-ratio", e.mutation_ratio, "of the population: mutated parents; the others are crossed")
      .within(0.0, 1.0)
      .shows_default();
  command.option("--out", o->out, "CSV file instead of a table");
  command.flag("--json", o->json, "one JSON document");
  command.flag("--quiet", o->quiet, "no progress");
  command.footer("example: naslat search server.jsonl --limit-ms 3.5 --accuracy accuracy.csv:c100_test200");
  return [o] {
    o->evolution.seed = o->device.seed;
    o->evolution.pareto = o->pareto;
    run(*o);
  };
}

}  // namespace naslat
