#pragma once

#include <span>
#include <string>
#include <vector>

#include "measure/latency_table.hpp"

namespace naslat {

/// How alike devices are, without any predictor (HELP's Table A.3): Spearman between every two of them over the
/// networks that both have timed, on the diagonal between a device's first and second measurement of the same networks,
/// 1 where there is no second.
/// @param devices to compare, in the tables' order; none: all
/// @param repetitions "DEVICE=NAME": table NAME is DEVICE measured again, instead of the records' own repeats
/// @returns the results of an experiment, as results_table() reads them
/// @throws ConfigError for repetitions of another form or of devices without a table
/// @throws DataError with fewer than two tables and nothing measured twice, or if a second measurement shares fewer
/// than two networks with the first
[[nodiscard]] std::string correlations_json(const std::string& experiment, std::span<const LatencyTable> tables,
                                            const std::vector<std::string>& devices,
                                            const std::vector<std::string>& repetitions);

}  // namespace naslat
