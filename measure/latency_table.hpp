#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "measure/measurement.hpp"
#include "spaces/architecture.hpp"
#include "spaces/work.hpp"

namespace naslat {

/// Seconds of the blocks that one run of a network executes, each with its block_id(). They add up to its latency.
using BlockTimes = std::vector<std::pair<std::uint64_t, double>>;

/// The blocks' shares of a network's latency; none where they were not timed, or by a version that did not name layers.
[[nodiscard]] BlockTimes block_times(const Measurement& measurement, double latency_s);

/// What a device's own records say of it beside latencies. Nothing is known of imported ones.
struct DeviceFacts {
  std::optional<GraphMode> mode{};
  std::map<std::uint64_t, double> block_s{};  ///< mean time of each block of `--blocks`, by block_id()
};

/// Latencies of one device over a list of architectures, as predictors read them.
struct LatencyTable {
  std::string space, device;
  Origin origin = Origin::measured;
  std::shared_ptr<const std::vector<Architecture>> architectures;
  std::vector<double> latency_s;  ///< parallel to architectures; NaN where there is none
  DeviceFacts facts{};
  std::vector<double> repeated_s{};   ///< of the second pass over the same networks, likewise; empty if there was none
  std::vector<BlockTimes> block_s{};  ///< likewise, of `--blocks`; empty if no network's blocks were timed
};

/// Those with an extension (".csv"), in order of their names.
[[nodiscard]] std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                                          const std::string& extension);

/// All tables of a space at `path`: a latency dataset (anchor-corrected latencies of repeats 0 and 1), a folder of
/// datasets, each with a list of architectures of its own, or a clone of the HELP repository (its root, or the folder
/// that holds `data/`), whose tables are in the repository's own list order.
/// @throws DataError naming the path, if there is nothing of that space
[[nodiscard]] std::vector<LatencyTable> read_latency_tables(const std::filesystem::path& path,
                                                            const std::string& space);

}  // namespace naslat
