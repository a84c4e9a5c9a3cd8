#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/table.hpp"
#include "measure/commands.hpp"
#include "measure/measurement_text.hpp"
#include "measure/merge.hpp"

namespace naslat {

namespace {

using Json = nlohmann::ordered_json;

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
  std::string file, format = "csv", statistic = "corrected", out;
};

std::optional<double> statistic_s(const Measurement& m, const std::string& statistic, double reference_s) {
  if (statistic == "trimmed") return latency_s(m);
  if (statistic == "median") return median_latency_s(m);
  return corrected_latency_s(m, reference_s);
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
  std::map<std::string, std::vector<double>> repeats_s;  ///< by device
};

std::vector<Row> rows_of(const Dataset& dataset, const std::string& statistic) {
  std::vector<Row> rows;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  std::map<std::pair<std::string, std::string>, double> references_s;
  for (const Measurement& m : dataset.measurements) {
    const auto [reference, is_new] = references_s.try_emplace({m.space, m.device}, 0);
    if (is_new) reference->second = dataset.reference_anchor_s(m.space, m.device);
    const auto place = places.try_emplace({m.space, m.architecture}, rows.size()).first;
    if (place->second == rows.size()) rows.push_back({m.space, m.architecture, m.index, {}});
    if (const auto value = statistic_s(m, statistic, reference->second)) {
      rows[place->second].repeats_s[m.device].push_back(*value);
    }
  }
  return rows;
}

/// "DEVICE_latency_ms", with the origin where it is not a measurement.
std::string column_name(const Dataset& dataset, const std::string& device) {
  const Origin origin = origin_of(dataset, device);
  return fmt::format("{}_latency_ms{}{}", device, origin == Origin::measured ? "" : "_",
                     origin == Origin::measured ? "" : to_string(origin));
}

double rounded_ms(double seconds) { return std::stod(fmt::format("{:.6g}", seconds * 1e3)); }

Table export_table(const Dataset& dataset, const std::string& statistic) {
  Table table;
  table.columns = {{"space"}, {"index"}, {"architecture"}};
  const std::vector<std::string> devices = dataset.devices();
  for (const std::string& device : devices) table.columns.push_back({column_name(dataset, device), 6});
  for (const Row& row : rows_of(dataset, statistic)) {
    std::vector<Cell> cells = {row.space, std::monostate{}, row.architecture};
    if (row.index) cells[1] = static_cast<std::int64_t>(*row.index);
    for (const std::string& device : devices) {
      const auto found = row.repeats_s.find(device);
      cells.push_back(found == row.repeats_s.end() ? Cell{} : Cell{rounded_ms(median_of(found->second))});
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::string export_json(const Dataset& dataset, const std::string& statistic) {
  Json json = {{"statistic", statistic}, {"devices", Json::array()}};
  for (const std::string& device : dataset.devices()) {
    json["devices"].push_back({{"device", device}, {"origin", to_string(origin_of(dataset, device))}});
  }
  json["networks"] = Json::array();
  for (const Row& row : rows_of(dataset, statistic)) {
    Json entry = {{"space", row.space}, {"architecture", row.architecture}};
    if (row.index) entry["index"] = *row.index;
    entry["latency_ms"] = Json::object();
    for (const auto& [device, repeats_s] : row.repeats_s)
      entry["latency_ms"][device] = rounded_ms(median_of(repeats_s));
    json["networks"].push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

void export_dataset(const ExportOptions& options) {
  const auto one_of = [](const std::string& option, const std::string& got, std::initializer_list<const char*> wanted) {
    for (const char* known : wanted) {
      if (got == known) return;
    }
    throw ConfigError(fmt::format("{}: got '{}', wanted one of {}", option, got, fmt::join(wanted, ", ")));
  };
  one_of("format", options.format, {"csv", "json"});
  one_of("statistic", options.statistic, {"corrected", "trimmed", "median"});
  const Dataset dataset = read_dataset(options.file);
  deliver(options.format == "json" ? export_json(dataset, options.statistic)
                                   : to_csv(export_table(dataset, options.statistic)),
          options.out);
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
  const Merged merged = merge_datasets({options.files.begin(), options.files.end()}, keep);
  for (const std::string& warning : merged.warnings) fmt::print(stderr, "naslat: warning: {}\n", warning);
  for (const std::string& conflict : merged.conflicts) fmt::print(stderr, "naslat: conflict: {}\n", conflict);
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
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}: {} records, {} duplicates dropped, {} conflicts decided\n", options.out,
               merged.dataset.measurements.size(), merged.duplicates, merged.conflicts.size());
  }
}

}  // namespace

Action export_command(CLI::App& app) {
  auto options = std::make_shared<ExportOptions>();
  app.add_option("file", options->file, "dataset")->required();
  app.add_option("--format", options->format, "csv or json (default csv)");
  app.add_option("--statistic", options->statistic,
                 "corrected by anchors, trimmed (HELP's mean), or median (default corrected)");
  app.add_option("--out", options->out, "file to write (default: stdout)");
  app.add_flag_callback(
      "--json", [options] { options->format = "json"; }, "the same as --format json");
  app.footer("Example: naslat export server.jsonl --statistic trimmed --out server.csv");
  return [options] { export_dataset(*options); };
}

Action merge_command(CLI::App& app) {
  auto options = std::make_shared<MergeOptions>();
  app.add_option("files", options->files, "datasets")->required()->expected(1, 1'000'000);
  app.add_option("--out", options->out, "dataset to write")->required();
  app.add_option("--keep", options->keep, "which of two different records of one network stays: first or last");
  app.add_flag("--json", options->json, "one JSON document on stdout");
  app.footer("Example: naslat merge monday.jsonl tuesday.jsonl --out week.jsonl");
  return [options] { merge(*options); };
}

}  // namespace naslat
