#include "measure/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "configs/errors.hpp"

namespace naslat {

namespace {

using Key = std::tuple<std::string, std::string, std::string, int>;

struct Place {
  std::size_t record;
  std::string path;
};

/// The same latencies, whatever else was noted beside them.
bool same_result(const Measurement& a, const Measurement& b) {
  return a.samples_s == b.samples_s && a.anchor_s == b.anchor_s && a.latency_s_given == b.latency_s_given &&
         a.skipped == b.skipped && a.protocol == b.protocol && a.network_fingerprint == b.network_fingerprint;
}

void compare_devices(Merged& merged) {
  std::map<std::string, const Measurement*> first_of;
  std::map<std::string, bool> warned;
  for (const Measurement& m : merged.dataset.measurements) {
    const Measurement& first = *first_of.try_emplace(m.device, &m).first->second;
    if (first.device_config != m.device_config) {
      throw DataError(fmt::format("merge: device '{}': got {} and {}, wanted one device of that name", m.device,
                                  device_name(first.device_config), device_name(m.device_config)));
    }
    if (first.environment == m.environment && first.protocol == m.protocol) continue;
    if (std::exchange(warned[m.device], true)) continue;
    merged.warnings.push_back(fmt::format("device '{}': measured in environments {} and {}{}", m.device,
                                          first.environment, m.environment,
                                          first.protocol == m.protocol ? "" : ", by two protocols"));
  }
}

}  // namespace

Merged merge_datasets(const std::vector<std::filesystem::path>& paths, Keep keep) {
  Merged merged;
  std::map<Key, Place> places;
  for (const auto& path : paths) {
    Dataset next = read_dataset(path);
    for (Environment& environment : next.environments) {
      auto& known = merged.dataset.environments;
      const auto same = [&](const Environment& e) { return e.key == environment.key; };
      if (std::none_of(known.begin(), known.end(), same)) known.push_back(std::move(environment));
    }
    for (Measurement& m : next.measurements) {
      const Key key{m.space, m.architecture, m.device, m.repeat};
      const auto [place, is_new] = places.try_emplace(key, Place{merged.dataset.measurements.size(), path.string()});
      if (is_new) {
        merged.dataset.measurements.push_back(std::move(m));
        continue;
      }
      Measurement& kept = merged.dataset.measurements[place->second.record];
      if (same_result(kept, m)) {
        ++merged.duplicates;
        continue;
      }
      merged.conflicts.push_back(fmt::format("{} {} on '{}', repeat {}: different in {} and {}", m.space,
                                             m.architecture, m.device, m.repeat, place->second.path, path.string()));
      if (keep == Keep::last) {
        kept = std::move(m);
        place->second.path = path.string();
      }
    }
  }
  compare_devices(merged);
  return merged;
}

}  // namespace naslat
