#include "measure/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "measure/architecture_columns.hpp"
#include "measure/csv.hpp"
#include "measure/hw_nas_bench.hpp"
#include "spaces/network.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

namespace fs = std::filesystem;

/// The columns that make up a device's latency: one, or two to be added.
struct DeviceColumns {
  std::string device;
  std::vector<std::size_t> positions;
};

/// Our own exports say where a column is from; what was simulated goes on being called so.
std::optional<std::string> device_of(const std::string& format, const std::string& column, const fs::path& path) {
  const std::string imported = fmt::format("_{}", to_string(Origin::imported)),
                    simulated = fmt::format("_{}", to_string(Origin::simulated));
  if (column.ends_with(imported)) {
    return device_of(format, column.substr(0, column.size() - imported.size()), path);
  }
  if (column.ends_with(simulated)) {
    const auto device = device_of(format, column.substr(0, column.size() - simulated.size()), path);
    return device ? std::optional(*device + simulated) : std::nullopt;
  }
  if (column == "latency_ms") return path.stem().string();
  if (column == "predicted_ms" || column == "plus_minus_ms") return std::nullopt;  // no measurements
  for (const std::string_view ending : {"_latency_ms", "_ms"}) {
    if (column.size() > ending.size() && column.ends_with(ending)) {
      return column.substr(0, column.size() - ending.size());
    }
  }
  if (format == "latbench" && column.starts_with("latbench_")) return column;
  return std::nullopt;
}

/// @throws DataError if there are none
std::vector<DeviceColumns> device_columns(const std::string& format, const CsvReader& csv, const fs::path& path) {
  std::vector<DeviceColumns> devices;
  if (format == "hat") {
    devices.push_back({path.stem().string(), {}});
    for (const char* part : {"latency_mean_encoder", "latency_mean_decoder"}) {
      const auto found = std::ranges::find(csv.columns(), part);
      if (found == csv.columns().end()) throw DataError(fmt::format("{}: no column named {}", csv.where(), part));
      devices[0].positions.push_back(static_cast<std::size_t>(found - csv.columns().begin()));
    }
    return devices;
  }
  for (std::size_t i = 0; i < csv.columns().size(); ++i) {
    const auto device = device_of(format, csv.columns()[i], path);
    if (!device) continue;
    if (std::ranges::find(devices, *device, &DeviceColumns::device) != devices.end()) {
      throw DataError(fmt::format("{}: device {}: got two columns, wanted one", csv.where(), *device));
    }
    devices.push_back({*device, {i}});
  }
  if (devices.empty()) throw DataError(fmt::format("{}: no column whose name ends in _ms", csv.where()));
  return devices;
}

/// @throws DataError if there are none
ArchitectureColumns require_architectures(const std::string& format, const CsvReader& csv) {
  const ArchitectureColumns columns = architecture_columns(csv);
  if (columns.any()) return columns;
  if (format == "hat") {
    throw DataError(
        fmt::format("{}: got averages over each network's layers, which no architecture follows from, wanted a column "
                    "'architecture' too, as `naslat spaces hat-dataset` writes them",
                    csv.where()));
  }
  throw DataError(
      fmt::format("{}: no column named architecture, arch_str, arch_string, index or nb201_index", csv.where()));
}

double parse_latency_s(const std::string& text, const std::string& column, const std::string& where) {
  if (text.empty()) return std::numeric_limits<double>::quiet_NaN();
  double latency_ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), latency_ms);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(latency_ms) || latency_ms <= 0) {
    throw DataError(fmt::format("{}: {}: got '{}', wanted a positive number", where, column, text.substr(0, 60)));
  }
  return latency_ms / 1e3;
}

std::vector<LatencyTable> read_csv_tables(const std::string& format, const fs::path& path, const SearchSpace& space) {
  CsvReader csv(read_file(path), path.string());
  const ArchitectureColumns named_by = require_architectures(format, csv);
  const std::vector<DeviceColumns> devices = device_columns(format, csv, path);

  auto architectures = std::make_shared<std::vector<Architecture>>();
  std::vector<LatencyTable> tables;
  for (const DeviceColumns& columns : devices) {
    tables.push_back({space.name(), columns.device, Origin::imported, architectures, {}});
  }
  std::set<Architecture> seen;
  std::string of_others;
  for (std::vector<std::string> cells; csv.next(cells);) {
    if (is_of_another(space, named_by, cells)) {
      if (of_others.empty()) {
        of_others = fmt::format("{}: space: got {}, wanted {}", csv.where(), cells[*named_by.space], space.name());
      }
      continue;
    }
    Architecture architecture = read_architecture(named_by, cells, space, csv);
    if (!seen.insert(architecture).second)
      throw DataError(fmt::format("{}: architecture {} a second time", csv.where(), space.format(architecture)));
    architectures->push_back(std::move(architecture));
    for (std::size_t d = 0; d < tables.size(); ++d) {
      double latency_s = 0;
      for (const std::size_t i : devices[d].positions) {
        latency_s += parse_latency_s(cells[i], csv.columns()[i], csv.where());
      }
      tables[d].latency_s.push_back(latency_s);
    }
  }
  if (architectures->empty() && !of_others.empty()) throw DataError(of_others);
  std::erase_if(tables, [](const LatencyTable& table) {
    return std::ranges::all_of(table.latency_s, [](double latency_s) { return std::isnan(latency_s); });
  });
  return tables;
}

/// What the records of every device share.
std::vector<Measurement> records_of(const LatencyTable& table, const Environment& environment) {
  const SearchSpace& space = search_space(table.space);
  Measurement record;
  record.space = table.space;
  record.device_config.backend = "imported";
  record.device_config.threads = 0;  // nothing is known of them
  record.device_config.pinned = false;
  record.origin = Origin::imported;
  record.environment = environment.key;
  record.campaign = environment.key;
  record.protocol.visits = 1;  // HELP A.2 as published
  record.protocol.visit_discarded_runs = 0;
  record.protocol.anchor = false;
  std::vector<Measurement> records;
  for (const Architecture& architecture : *table.architectures) {
    record.architecture = space.format(architecture);
    record.index = space.index_of(architecture);
    record.network_fingerprint = fingerprint(space.network(architecture));
    records.push_back(record);
  }
  return records;
}

}  // namespace

const std::vector<ImportFormat>& import_formats() {
  static const std::vector<ImportFormat> formats = {
      {"help", "a clone of the HELP repository: its .pt files as they are"},
      {"hw-nas-bench", "HW-NAS-Bench-v1_0.pickle, the data set of --space; or a CSV table of it"},
      {"latbench", "a CSV table of LatBench"},
      {"hat", "a CSV table of HAT with each network's architecture beside the averages over its layers"},
      {"csv", "any CSV table with an architecture or index column and DEVICE_ms columns"},
  };
  return formats;
}

std::vector<LatencyTable> read_published_tables(const std::string& format, const fs::path& path,
                                                const std::string& space) {
  std::string known;
  for (const ImportFormat& candidate : import_formats()) {
    known += (known.empty() ? "" : ", ") + std::string(candidate.name);
    if (format != candidate.name) continue;
    if (format == "help") {
      if (fs::is_regular_file(path)) {
        throw DataError(fmt::format("{}: got a file, wanted the folder of a clone of HELP", path.string()));
      }
      return read_latency_tables(path, space);
    }
    if (format == "hw-nas-bench" && path.extension() != ".csv") return read_hw_nas_bench(path, space);
    return read_csv_tables(format, path, search_space(space));
  }
  throw ConfigError(fmt::format("import: got format '{}', wanted one of {}", format, known));
}

Environment import_environment(const std::string& format, const fs::path& path) {
  std::error_code ignored;  // of a pipe
  const fs::path name = fs::weakly_canonical(path, ignored).filename();
  return {fmt::format("imported-{}-{}", format, name.string()),
          {{"imported_format", format, ""}, {"imported_from", name.string(), ""}}};
}

void import_records(const std::vector<LatencyTable>& tables, const Environment& environment,
                    const std::function<void(const Measurement&)>& take) {
  std::vector<Measurement> records;  // one per architecture, without device and latency
  const std::vector<Architecture>* described = nullptr;
  for (const LatencyTable& table : tables) {
    if (described != table.architectures.get()) records = records_of(table, environment);
    described = table.architectures.get();
    for (std::size_t i = 0; i < table.latency_s.size(); ++i) {
      if (std::isnan(table.latency_s[i])) continue;
      records[i].device = records[i].device_config.hardware = table.device;
      records[i].latency_s_given = table.latency_s[i];
      take(records[i]);
    }
  }
}

}  // namespace naslat
