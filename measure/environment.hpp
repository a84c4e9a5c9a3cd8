#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "measure/backend.hpp"
#include "measure/device.hpp"

namespace naslat {

/// One fact about the machine: its value, or why it cannot be read (absent, no permission, unreadable).
struct Fact {
  std::string name, value, missing_because;
  bool operator==(const Fact&) const = default;
};

/// What surrounds a measurement: processor, governor, quota, virtualisation, library versions, our revision.
struct Environment {
  std::string key;  ///< hash of the facts that do not change between runs
  std::vector<Fact> facts;
  bool operator==(const Environment&) const = default;

  [[nodiscard]] const Fact* find(const std::string& name) const;
};

/// A reason why measurements may be noisy here, its size where known, and what the user can do about it.
struct Warning {
  std::string cause, remedy;
};

/// @param root in place of "/": tests pass a fake /proc and /sys tree
[[nodiscard]] Environment inspect_environment(const Backend& backend, const std::filesystem::path& root = "/");
[[nodiscard]] std::vector<Warning> noise_warnings(const Environment& environment, const Device& device);

/// Cores this process may use: affinity ∩ cgroup quota, one per physical core, first siblings first.
[[nodiscard]] std::vector<int> usable_cores(const std::filesystem::path& root = "/");

/// Short name of the processor for device names, e.g. "xeon-6960p".
[[nodiscard]] std::string processor_short_name(const std::filesystem::path& root = "/");

}  // namespace naslat
