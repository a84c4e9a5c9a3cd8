#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "configs/table.hpp"
#include "measure/commands.hpp"
#include "measure/measurement_text.hpp"
#include "measure/merge.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

/// To stdout, or to a file written beside and renamed.
void deliver(const std::string& text, const std::string& out) {
  if (out.empty()) {
    fmt::print("{}", text);
  } else {
    write_file(out, text);
  }
}

// ---- export

struct ExportOptions {
  std::string file, format = "csv", metric = "latency_ms", statistic, out;  // statistic: empty is the metric's usual
  bool counts = false;
};

double rounded_ms(double seconds) { return std::stod(fmt::format("{:.6g}", seconds * 1e3)); }

/// The metric in its own unit.
std::optional<double> value_of(const Measurement& m, const ExportOptions& options, double reference_s) {
  if (options.metric == "memory_bytes") {
    const auto bytes = memory_bytes(m);
    return bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt;
  }
  std::optional<double> seconds = corrected_latency_s(m, reference_s);
  if (options.metric == "device_ms") {
    seconds = device_latency_s(m);
    if (seconds && options.statistic == "median") seconds = median_of(m.device_samples_s);
  } else if (options.statistic == "trimmed") {
    seconds = latency_s(m);
  } else if (options.statistic == "median") {
    seconds = median_latency_s(m);
  }
  return seconds ? std::optional(rounded_ms(*seconds)) : std::nullopt;
}

/// The origin of a device's column; where they are mixed, the least real one speaks.
Origin origin_of(const Dataset& dataset, const std::string& device) {
  Origin origin = Origin::measured;
  for (const Measurement& m : dataset.measurements) {
    if (m.device == device && m.origin != Origin::measured) origin = m.origin;
  }
  return origin;
}

struct Row {
  std::string space, architecture;
  std::optional<std::uint64_t> index;
  std::map<std::string, std::vector<double>> repeats;  ///< by device
};

std::vector<Row> rows_of(const Dataset& dataset, const ExportOptions& options) {
  std::vector<Row> rows;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  std::map<std::pair<std::string, std::string>, double> references_s;
  for (const Measurement& m : dataset.measurements) {
    const auto [reference, is_new] = references_s.try_emplace({m.space, m.device}, 0);
    if (is_new) reference->second = dataset.reference_anchor_s(m.space, m.device);
    const auto place = places.try_emplace({m.space, m.architecture}, rows.size()).first;
    if (place->second == rows.size()) rows.push_back({m.space, m.architecture, m.index, {}});
    if (const auto value = value_of(m, options, reference->second)) {
      rows[place->second].repeats[m.device].push_back(*value);
    }
  }
  // Space by space in the order they appear; in it by published index where there is one, else as measured.
  std::map<std::string, std::size_t> space_rank;
  for (const Row& row : rows) space_rank.try_emplace(row.space, space_rank.size());
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return std::pair(space_rank[a.space], a.index.value_or(0)) < std::pair(space_rank[b.space], b.index.value_or(0));
  });
  return rows;
}

/// "DEVICE_latency_ms", with the origin where it is not a measurement.
std::string column_name(const Dataset& dataset, const std::string& device, const std::string& metric) {
  const Origin origin = origin_of(dataset, device);
  return fmt::format("{}_{}{}{}", device, metric, origin == Origin::measured ? "" : "_",
                     origin == Origin::measured ? "" : to_string(origin));
}

Cell cell_of(double value, const ExportOptions& options) {
  return options.metric == "memory_bytes" ? Cell{static_cast<std::int64_t>(value)} : Cell{value};
}

Network network_of(const Row& row) {
  const SearchSpace& space = search_space(row.space);
  return space.network(space.parse(row.architecture));
}

Table export_table(const Dataset& dataset, const ExportOptions& options) {
  Table table;
  table.columns = {{"space"}, {"index"}, {"architecture"}};
  if (options.counts) table.columns.insert(table.columns.end(), {{"macs"}, {"parameters"}});
  const std::vector<std::string> devices = dataset.devices();
  for (const std::string& device : devices) {
    table.columns.push_back({column_name(dataset, device, options.metric), 4});
  }
  for (const Row& row : rows_of(dataset, options)) {
    std::vector<Cell> cells = {row.space, std::monostate{}, row.architecture};
    if (row.index) cells[1] = static_cast<std::int64_t>(*row.index);
    if (options.counts) {
      const Network network = network_of(row);
      cells.insert(cells.end(), {Cell{macs(network)}, Cell{parameters(network)}});
    }
    for (const std::string& device : devices) {
      const auto found = row.repeats.find(device);
      cells.push_back(found == row.repeats.end() ? Cell{} : cell_of(median_of(found->second), options));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::string export_json(const Dataset& dataset, const ExportOptions& options) {
  Json json = {{"metric", options.metric}, {"devices", Json::array()}};
  if (options.metric != "memory_bytes") json["statistic"] = options.statistic;
  for (const std::string& device : dataset.devices()) {
    json["devices"].push_back({{"device", device}, {"origin", to_string(origin_of(dataset, device))}});
  }
  json["networks"] = Json::array();
  for (const Row& row : rows_of(dataset, options)) {
    Json entry = {{"space", row.space}, {"architecture", row.architecture}};
    if (row.index) entry["index"] = *row.index;
    if (options.counts) {
      const Network network = network_of(row);
      entry["macs"] = macs(network);
      entry["parameters"] = parameters(network);
    }
    entry[options.metric] = Json::object();
    for (const auto& [device, repeats] : row.repeats) entry[options.metric][device] = median_of(repeats);
    json["networks"].push_back(std::move(entry));
  }
  return json_text(json, Json::error_handler_t::replace) + "\n";
}

void export_dataset(ExportOptions options) {
  const auto one_of = [](const std::string& option, const std::string& got, std::initializer_list<const char*> wanted) {
    for (const char* known : wanted) {
      if (got == known) return;
    }
    throw ConfigError(fmt::format("{}: got '{}', wanted one of {}", option, got, fmt::join(wanted, ", ")));
  };
  if (options.format == "md") options.format = "markdown";
  one_of("format", options.format, {"csv", "json", "markdown", "md"});
  one_of("metric", options.metric, {"latency_ms", "device_ms", "memory_bytes"});
  const bool device_time = options.metric == "device_ms";
  if (options.statistic.empty()) options.statistic = device_time ? "trimmed" : "corrected";
  if (device_time) {
    one_of("statistic of device_ms", options.statistic, {"trimmed", "median"});  // anchors are in the host's time
  } else {
    one_of("statistic", options.statistic, {"corrected", "trimmed", "median"});
  }
  refuse_to_replace(options.out, {&options.file, 1});
  const Dataset dataset = read_dataset(options.file);
  const auto has_value = [&](const Measurement& m) { return value_of(m, options, 1).has_value(); };
  if (!dataset.measurements.empty() && std::ranges::none_of(dataset.measurements, has_value)) {
    throw DataError(fmt::format("{}: metric: no record has {}", options.file, options.metric));
  }
  if (options.format == "json") return deliver(export_json(dataset, options), options.out);
  const Table table = export_table(dataset, options);
  deliver(options.format == "csv" ? to_csv(table) : to_markdown(table), options.out);
}

// ---- merge

struct MergeOptions {
  std::vector<std::string> files;
  std::string keep, out;
  bool json = false;
};

Keep parse_keep(const std::string& text) {
  if (text.empty()) return Keep::neither;
  if (text == "first") return Keep::first;
  if (text == "last") return Keep::last;
  throw ConfigError(fmt::format("keep: got '{}', wanted first or last", text));
}

void merge(const MergeOptions& options) {
  const Keep keep = parse_keep(options.keep);
  if (std::filesystem::is_regular_file(options.out)) {
    throw ConfigError(fmt::format("out: '{}' is already there, wanted a new file", options.out));
  }
  const Merged merged = merge_datasets({options.files.begin(), options.files.end()}, keep);
  for (const std::string& warning : merged.warnings)
    std::fputs(fmt::format("naslat: warning: {}\n", warning).c_str(), stderr);
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < std::min(kShown, merged.conflicts.size()); ++i)
    std::fputs(fmt::format("naslat: conflict: {}\n", merged.conflicts[i]).c_str(), stderr);
  if (merged.conflicts.size() > kShown)
    std::fputs(fmt::format("naslat: {} more conflicts\n", merged.conflicts.size() - kShown).c_str(), stderr);
  if (!merged.conflicts.empty() && keep == Keep::neither) {
    throw DataError(fmt::format("merge: {} conflicts, nothing written; decide with --keep first or --keep last",
                                merged.conflicts.size()));
  }
  std::string text;
  for (const Environment& environment : merged.dataset.environments) text += to_line(environment) + "\n";
  for (const Measurement& measurement : merged.dataset.measurements) text += to_line(measurement) + "\n";
  write_file(options.out, text);
  if (options.json) {
    const Json json = {{"dataset", options.out},
                       {"records", merged.dataset.measurements.size()},
                       {"duplicates", merged.duplicates},
                       {"conflicts", merged.conflicts}};
    fmt::print("{}\n", json_text(json, Json::error_handler_t::replace));
  } else {
    fmt::print("{}: {} records, {} duplicates dropped, {} conflicts decided\n", options.out,
               merged.dataset.measurements.size(), merged.duplicates, merged.conflicts.size());
  }
}

}  // namespace

Action export_command(Command& command) {
  auto options = std::make_shared<ExportOptions>();
  command.option("file", options->file, "dataset").required();
  command.option("--format", options->format, "csv, json or markdown (default csv)");
  command.option("--metric", options->metric,
                 "latency_ms, device_ms (GPUs: by their own clock) or memory_bytes (default latency_ms)");
  command.flag("--counts", options->counts, "MACs and parameters of each network beside it");
  command.option("--statistic", options->statistic,
                 "corrected by anchors, trimmed (HELP's mean), or median (default corrected; of device_ms trimmed)");
  command.option("--out", options->out, "file to write (default: stdout)");
  command.flag(
      "--json", [options] { options->format = "json"; }, "the same as --format json");
  command.footer("Example: naslat export server.jsonl --statistic trimmed --out server.csv");
  return [options] { export_dataset(*options); };
}

Action merge_command(Command& command) {
  auto options = std::make_shared<MergeOptions>();
  command.option("files", options->files, "datasets").required().several();
  command.option("--out", options->out, "dataset to write").required();
  command.option("--keep", options->keep, "which of two different records of one network stays: first or last");
  command.flag("--json", options->json, "one JSON document on stdout");
  command.footer("Example: naslat merge monday.jsonl tuesday.jsonl --out week.jsonl");
  return [options] { merge(*options); };
}

}  // namespace naslat
