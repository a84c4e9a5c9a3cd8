#pragma once

#include <string>
#include <vector>

#include "measure/latency_table.hpp"
#include "spaces/encoding.hpp"

namespace naslat {

/// V_h of HELP Eq. 3: the ten reference latencies of a device, scaled to [0, 1].
struct HardwareEmbedding {
  std::vector<double> v;
};

/// Architectures with their latencies on one device.
struct Samples {
  std::vector<Encoding> x;
  std::vector<double> latency_s;
  DeviceFacts facts{};
  std::vector<BlockTimes> block_s{};  ///< of each network, of those whose blocks were timed; empty if there are none
};

/// @param latency_s one latency per reference architecture, seconds, in reference-set order
/// @throws DataError if fewer than 2, not finite, or all equal
[[nodiscard]] HardwareEmbedding embed(const std::vector<double>& latency_s);

/// HELP's targets: y = (latency - min)/(max - min) · 0.9 + 0.05, over some pool of latencies of the device.
struct TargetScale {
  double min_s = 0, max_s = 1;

  [[nodiscard]] double target(double latency_s) const { return (latency_s - min_s) / (max_s - min_s) * 0.9 + 0.05; }
  [[nodiscard]] double latency_s(double target) const { return (target - 0.05) / 0.9 * (max_s - min_s) + min_s; }
};
/// @throws DataError if the latencies span no range
[[nodiscard]] TargetScale target_scale(const std::vector<double>& latency_s);

/// The targets of a support. @throws DataError naming `predictor` if it is empty
[[nodiscard]] std::vector<double> targets(const Samples& support, const TargetScale& scale,
                                          const std::string& predictor);

}  // namespace naslat
