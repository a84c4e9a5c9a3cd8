#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "measure/environment.hpp"
#include "measure/latency_table.hpp"
#include "measure/measurement.hpp"

namespace naslat {

/// A published form of latency tables that `naslat import` reads.
struct ImportFormat {
  const char *name, *summary;
};
[[nodiscard]] const std::vector<ImportFormat>& import_formats();

/// Reads published tables: a clone of the HELP repository, HW-NAS-Bench's pickle, or CSV. A CSV file names
/// architectures in a column `architecture`, `arch_str` or `arch_string` (the space's text), or `index` or
/// `nb201_index` (published index; where both are there, they must agree), and has a column `<device>_ms` per device;
/// `latency_ms` alone is of the device the file is named for. LatBench's columns `latbench_…` are milliseconds without
/// saying so; HAT's latency is that of encoder and decoder together, and its published tables, whose rows are averages
/// over layers, lack the architectures. Empty cells are missing latencies; other columns are not read.
/// @throws ConfigError for an unknown format or space
/// @throws DataError naming path and line: unknown architectures, one twice, latencies that are no positive number
[[nodiscard]] std::vector<LatencyTable> read_published_tables(const std::string& format,
                                                              const std::filesystem::path& path,
                                                              const std::string& space);

/// What the dataset says of where imported latencies come from: format and file name.
[[nodiscard]] Environment import_environment(const std::string& format, const std::filesystem::path& path);

/// Gives `take` one record per latency, table after table: Origin::imported, without samples. The whole of HELP's
/// NAS-Bench-201 is 421,875 records, so they are made one by one.
/// @pre the tables are of one space
void import_records(const std::vector<LatencyTable>& tables, const Environment& environment,
                    const std::function<void(const Measurement&)>& take);

}  // namespace naslat
