#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "measure/latency_table.hpp"
#include "predictor/task.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

/// The encodings of a list of architectures, made once and pointed to by the tasks of all devices.
using Encodings = std::vector<Encoding>;
/// @param with_work whether the encodings carry their networks' work, which takes building the networks
/// @param modes whose executed blocks that work lists too
[[nodiscard]] Encodings encode_all(const SearchSpace& space, std::span<const Architecture> architectures,
                                   bool with_work = false, std::span<const GraphMode> modes = {}, int threads = 1);

/// The modes of the devices whose blocks were timed: encodings must list the blocks executed in these.
[[nodiscard]] std::vector<GraphMode> timed_modes(std::span<const LatencyTable> tables);

/// One device as HELP's released code sees it (help-predictor.md 1): positions are in the list of architectures.
struct DeviceTask {
  std::string device;
  HardwareEmbedding embedding;
  std::vector<double> latency_s;     ///< by position
  std::vector<std::size_t> pool;     ///< the first training_pool_size() measured positions (of a short table the first
                                     ///< half), lowest and highest 10% by latency removed
  std::vector<std::size_t> queries;  ///< the next 1,000 positions at most, likewise, in order of latency
  TargetScale scale;                 ///< of the pool
  DeviceFacts facts{};
  std::vector<BlockTimes> block_s{};  ///< by position; empty if no blocks were timed
};

/// Sizes of the lists of a space: 900 for NAS-Bench-201, 4,000 for FBNet and OFA.
[[nodiscard]] std::size_t training_pool_size(const std::string& space);

/// @throws DataError naming the device, if a reference has no latency or the table is too short
[[nodiscard]] DeviceTask device_task(const SearchSpace& space, const LatencyTable& table);

/// The tasks of the named devices, in that order.
/// @param latencies_only without embedding, pool, queries and scale, which short tables do not allow for
/// @throws ConfigError naming a device that has no table
[[nodiscard]] std::vector<DeviceTask> device_tasks(const SearchSpace& space, std::span<const LatencyTable> tables,
                                                   std::span<const std::string> devices, bool latencies_only = false);

}  // namespace naslat
