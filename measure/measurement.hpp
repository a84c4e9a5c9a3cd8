#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measure/device.hpp"
#include "measure/protocol.hpp"

namespace naslat {

/// Where a latency comes from; shown wherever the latency is.
enum class Origin { measured, simulated, imported };

[[nodiscard]] std::string_view to_string(Origin origin);

/// What the operating system did to us while a network was visited. It sees preemption, not what happens outside a
/// virtual machine: only anchors see that.
struct Disturbance {
  std::int64_t involuntary_switches = 0;  ///< of all threads
  std::int64_t major_faults = 0;
  double steal_s = 0;      ///< taken by the hypervisor, all processors
  double throttled_s = 0;  ///< by the group's quota

  Disturbance& operator+=(const Disturbance& other);
  bool operator==(const Disturbance&) const = default;
};

/// One block of the network, timed while the whole network ran: its mean over the runs that HELP's statistic keeps.
struct BlockLatency {
  BlockInfo block;
  double latency_s = 0;

  bool operator==(const BlockLatency&) const = default;
};

/// One record of a latency dataset: one network on one device in one campaign.
struct Measurement {
  std::string space, architecture;  ///< the space's name and its text for the architecture
  std::optional<std::uint64_t> index{};
  std::string device;  ///< the device's name
  Device device_config{};
  Origin origin = Origin::measured;
  std::string environment;  ///< key of the environment line in the same file
  std::string campaign;     ///< one sweep's id: anchors compare within it
  int repeat = 0;           ///< 0, 1, … where the same network was measured several times on purpose
  std::uint64_t network_fingerprint = 0;
  Protocol protocol{};
  std::vector<double> samples_s;            ///< raw, in run order, visit after visit
  std::vector<double> device_samples_s{};   ///< of the same runs by the device's own clock; empty where it has none
  std::vector<double> anchor_s{};           ///< one per visit: the anchors' interpolated latency, empty without anchors
  std::optional<double> latency_s_given{};  ///< imported tables have no samples, only this
  std::vector<BlockLatency> blocks{};       ///< in order, on request
  Disturbance disturbance{};
  DeviceStates device_states{};
  ExecutableInfo executable{};
  std::vector<std::string> flags{};      ///< "disturbed", "throttled", "not steady", ...: what a reader should know
  std::optional<std::string> skipped{};  ///< why there is no latency

  bool operator==(const Measurement&) const = default;
};

/// HELP's statistic of the samples (or the imported value), seconds; nothing if skipped.
[[nodiscard]] std::optional<double> latency_s(const Measurement& measurement);

/// The anchor-corrected latency: each visit divided by its anchor, the median of the visits, times the campaign's
/// reference anchor. Without anchors, latency_s.
[[nodiscard]] std::optional<double> corrected_latency_s(const Measurement& measurement, double reference_anchor_s);

/// HELP's statistic of the device's own samples, seconds; nothing where there are none. Anchors do not correct it: they
/// are in the host's time.
[[nodiscard]] std::optional<double> device_latency_s(const Measurement& measurement);

/// Median of the raw samples; nothing if skipped or without samples (an imported value counts as its own median).
[[nodiscard]] std::optional<double> median_latency_s(const Measurement& measurement);

/// The blocks' times added up, as a share of the network's latency; nothing without blocks.
[[nodiscard]] std::optional<double> block_share(const Measurement& measurement);

/// Peak memory of the network: activations, weights and scratchpad, exact; nothing where the record has no executable.
[[nodiscard]] std::optional<std::int64_t> memory_bytes(const Measurement& measurement);

/// What inspect_block sees in the samples, in words: "not steady", "spikes", "two modes". Visits are brought to one
/// level first where anchors say how fast the machine was.
[[nodiscard]] std::vector<std::string> block_flags(const Measurement& measurement);

}  // namespace naslat
