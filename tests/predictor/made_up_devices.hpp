#pragma once

#include <vector>

#include "predictor/tasks.hpp"

namespace naslat::test {

/// Devices whose latency is a sum over the operations of a cell, each device with costs of its own.
struct MadeUpDevices {
  explicit MadeUpDevices(int architectures) {
    Rng rng(1);
    std::vector<Architecture> list = space.references();
    while (static_cast<int>(list.size()) < architectures) list.push_back(sample(space, rng));
    encodings = encode_all(space, list, true);
    for (int d = 0; d < 12; ++d) devices.push_back(device(list, rng));
  }

  static DeviceTask device(const std::vector<Architecture>& list, Rng& rng) {
    const std::vector<double> cost = {0, 0.1 * rng.uniform(), 0.2 + rng.uniform(), 1 + 2 * rng.uniform(),
                                      0.5 * rng.uniform()};
    DeviceTask task{"made up", {}, {}, {}, {}, {}};
    task.facts.block_s = block_times(list[0], cost);
    for (const Architecture& architecture : list) {
      double latency_s = 3;
      for (const std::uint8_t operation : architecture.choices) latency_s += cost[operation];
      task.latency_s.push_back(latency_s * 1e-3);
    }
    for (std::size_t i = 0; i < list.size(); ++i) (i % 2 == 0 ? task.pool : task.queries).push_back(i);
    task.embedding = embed({task.latency_s.begin(), task.latency_s.begin() + 10});
    task.scale = target_scale(task.latency_s);
    return task;
  }

  /// An operation of the cell is executed five times in each of three stages; what all networks share costs nothing.
  static std::map<std::uint64_t, double> block_times(const Architecture& any, const std::vector<double>& cost) {
    const SearchSpace& space = search_space("nasbench201");
    std::map<std::uint64_t, double> times;
    for (const auto& [block, count] : work_of(space.network(any)).blocks) times[block] = 0;
    for (std::size_t i = 0; i < cost.size(); ++i) {
      for (const std::int64_t channels : {16, 32, 64}) {
        const Shape map{{1, channels, 512 / channels, 512 / channels}};
        times[block_hash(space.decisions()[0].options[i], map, map)] = cost[i] * 1e-3 / 15;
      }
    }
    return times;
  }

  const SearchSpace& space = search_space("nasbench201");
  Encodings encodings;
  std::vector<DeviceTask> devices;
};

}  // namespace naslat::test
