#pragma once

#include <array>
#include <map>
#include <vector>

#include "predictor/tasks.hpp"

namespace naslat::test {

/// Devices whose latency is a sum over the operations of a cell, each device with costs of its own.
struct MadeUpDevices {
  static constexpr std::array kModes = {GraphMode::eager};

  explicit MadeUpDevices(int architectures) {
    Rng rng(1);
    std::vector<Architecture> list = space.references();
    while (static_cast<int>(list.size()) < architectures) list.push_back(sample(space, rng));
    encodings = encode_all(space, list, true, kModes);
    for (int d = 0; d < 12; ++d) devices.push_back(device(list, rng));
  }

  static DeviceTask device(const std::vector<Architecture>& list, Rng& rng) {
    const std::vector<double> cost = {0, 0.1 * rng.uniform(), 0.2 + rng.uniform(), 1 + 2 * rng.uniform(),
                                      0.5 * rng.uniform()};
    DeviceTask task{"made up", {}, {}, {}, {}, {}};
    task.facts = {GraphMode::eager, block_times(cost)};
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
  static std::map<std::uint64_t, double> block_times(const std::vector<double>& cost) {
    const SearchSpace& space = search_space("nasbench201");
    std::map<std::uint64_t, double> times;
    for (std::size_t i = 0; i < cost.size(); ++i) {
      const Network network = space.network({std::vector(6, static_cast<std::uint8_t>(i))});
      for (const Block& block : executed_blocks(network)) {
        const auto id = block_id(block_info(network, block, constant_layers(network)).layers);
        times[id] = block.kind == space.decisions()[0].options[i] ? cost[i] * 1e-3 / 15 : 0;
      }
    }
    return times;
  }

  const SearchSpace& space = search_space("nasbench201");
  Encodings encodings;
  std::vector<DeviceTask> devices;
};

}  // namespace naslat::test
