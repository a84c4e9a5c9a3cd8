#include "predictor/tasks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "configs/errors.hpp"
#include "predictor/parallel.hpp"

namespace naslat {

namespace {

constexpr double kTrimmed = 0.1;  // at either end
constexpr std::size_t kQueries = 1000;

std::vector<std::size_t> measured_positions(const std::vector<double>& latency_s) {
  std::vector<std::size_t> positions(latency_s.size());
  std::iota(positions.begin(), positions.end(), 0);
  std::erase_if(positions, [&](std::size_t i) { return !std::isfinite(latency_s[i]); });
  return positions;
}

/// The positions in order of latency, without the lowest and highest tenth.
std::vector<std::size_t> trimmed_by_latency(const std::vector<double>& latency_s, std::span<const std::size_t> given) {
  std::vector<std::size_t> positions(given.begin(), given.end());
  std::stable_sort(positions.begin(), positions.end(),
                   [&](std::size_t a, std::size_t b) { return latency_s[a] < latency_s[b]; });
  const auto cut = static_cast<std::ptrdiff_t>(kTrimmed * static_cast<double>(positions.size()));
  return {positions.begin() + cut, positions.end() - cut};
}

std::vector<double> reference_latencies(const SearchSpace& space, const LatencyTable& table) {
  std::vector<double> latencies;
  for (const Architecture& reference : space.references()) {
    const auto found = std::find(table.architectures->begin(), table.architectures->end(), reference);
    const double latency_s = found == table.architectures->end()
                                 ? std::nan("")
                                 : table.latency_s[static_cast<std::size_t>(found - table.architectures->begin())];
    if (!std::isfinite(latency_s)) {
      throw DataError(
          fmt::format("{}: reference {}: got no latency, wanted all ten", table.device, space.format(reference)));
    }
    latencies.push_back(latency_s);
  }
  return latencies;
}

}  // namespace

Encodings encode_all(const SearchSpace& space, std::span<const Architecture> architectures, bool with_work,
                     std::span<const GraphMode> modes, int threads) {
  Encodings encodings(architectures.size());
  parallel_for(architectures.size(), threads, [&](std::size_t, std::size_t i) {
    encodings[i] = space.encode(architectures[i]);
    if (!with_work) return;
    Network network = space.network(architectures[i]);
    encodings[i].macs = static_cast<double>(macs(network));
    encodings[i].work = work_of(std::move(network), modes);
  });
  return encodings;
}

std::vector<GraphMode> timed_modes(std::span<const LatencyTable> tables) {
  std::set<GraphMode> modes;
  for (const LatencyTable& table : tables) {
    if (table.facts.mode && !table.facts.block_s.empty()) modes.insert(*table.facts.mode);
  }
  return {modes.begin(), modes.end()};
}

std::size_t training_pool_size(const std::string& space) { return space.starts_with("nasbench201") ? 900 : 4000; }

DeviceTask device_task(const SearchSpace& space, const LatencyTable& table) {
  constexpr std::size_t kLeast = 100;
  const std::vector<std::size_t> measured = measured_positions(table.latency_s);
  if (measured.size() < kLeast) {
    throw DataError(fmt::format("{}: got {} latencies, wanted at least {}", table.device, measured.size(), kLeast));
  }
  const std::size_t pool_size = std::min(training_pool_size(space.name()), measured.size() / 2);
  const std::span<const std::size_t> pool = std::span(measured).first(pool_size),
                                     rest = std::span(measured).subspan(pool_size);
  DeviceTask task{table.device, embed(reference_latencies(space, table)), table.latency_s, {}, {}, {}, table.facts,
                  table.block_s};
  task.pool = trimmed_by_latency(task.latency_s, pool);
  task.queries = trimmed_by_latency(task.latency_s, rest.first(std::min(kQueries, rest.size())));
  std::vector<double> pool_s;
  for (const std::size_t i : task.pool) pool_s.push_back(task.latency_s[i]);
  task.scale = target_scale(pool_s);
  return task;
}

std::vector<DeviceTask> device_tasks(const SearchSpace& space, std::span<const LatencyTable> tables,
                                     std::span<const std::string> devices, bool latencies_only) {
  std::vector<DeviceTask> tasks;
  for (const std::string& device : devices) {
    const auto found =
        std::find_if(tables.begin(), tables.end(), [&](const LatencyTable& t) { return t.device == device; });
    if (found == tables.end()) {
      std::vector<std::string> there;
      for (const LatencyTable& table : tables) there.push_back(table.device);
      throw ConfigError(fmt::format("device: got '{}', for which there is no table, wanted one of {}", device,
                                    fmt::join(there, ", ")));
    }
    tasks.push_back(latencies_only ? DeviceTask{device, {}, found->latency_s, {}, {}, {}, found->facts, found->block_s}
                                   : device_task(space, *found));
  }
  return tasks;
}

}  // namespace naslat
