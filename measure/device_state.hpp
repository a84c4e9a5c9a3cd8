#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace naslat {

/// What a device says of itself at one moment. Any reading may be missing: processors have none here, virtual GPUs few.
struct DeviceState {
  std::optional<double> sm_clock_mhz{}, memory_clock_mhz{}, temperature_c{}, power_w{};
  std::optional<std::vector<std::string>> clock_events{};  ///< what held the clock down, if anything: "power cap", ...

  [[nodiscard]] bool empty() const { return *this == DeviceState{}; }
  bool operator==(const DeviceState&) const = default;
};

/// Around a network's timing: before its first visit and after its last, whose events are those of all readings.
struct DeviceStates {
  DeviceState before{}, after{};

  [[nodiscard]] bool empty() const { return before.empty() && after.empty(); }
  /// Appends a later visit's.
  DeviceStates& operator+=(const DeviceStates& later);
  bool operator==(const DeviceStates&) const = default;
};

/// NVML's bits in words, lowest first: 0x4 is "power cap", an unknown one "0x200".
[[nodiscard]] std::vector<std::string> clock_event_names(std::uint64_t bits);

/// Whether power cap, heat, power brake or the hardware's own slowdown made the device slower than it can be.
[[nodiscard]] bool throttled(const DeviceStates& states);

}  // namespace naslat
