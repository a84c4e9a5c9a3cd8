#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/device.hpp"
#include "measure/protocol.hpp"

namespace naslat {

/// Where a latency comes from; shown wherever the latency is.
enum class Origin { measured, simulated, imported };

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
  std::vector<double> anchor_s{};           ///< one per visit: the anchors' interpolated latency, empty without anchors
  std::optional<double> latency_s_given{};  ///< imported tables have no samples, only this
  ExecutableInfo executable{};
  std::vector<std::string> flags{};      ///< "disturbed", "not steady", "spikes": what a reader should know
  std::optional<std::string> skipped{};  ///< why there is no latency

  bool operator==(const Measurement&) const = default;
};

/// HELP's statistic of the samples (or the imported value), seconds; nothing if skipped.
[[nodiscard]] std::optional<double> latency_s(const Measurement& measurement);

/// The anchor-corrected latency: each visit divided by its anchor, the median of the visits, times the campaign's
/// reference anchor. Without anchors, latency_s.
[[nodiscard]] std::optional<double> corrected_latency_s(const Measurement& measurement, double reference_anchor_s);

}  // namespace naslat
