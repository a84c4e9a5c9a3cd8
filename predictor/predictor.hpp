#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "predictor/task.hpp"
#include "spaces/random.hpp"

namespace naslat {

/// A predictor adapted to one device.
class Estimator {
 public:
  virtual ~Estimator() = default;

  /// Latencies in seconds, one per architecture.
  [[nodiscard]] virtual std::vector<double> predict_s(std::span<const Encoding> architectures) const = 0;
};

/// A way to predict latencies on a device never seen from a few samples of it.
class LatencyPredictor {
 public:
  virtual ~LatencyPredictor() = default;

  [[nodiscard]] virtual std::string name() const = 0;

  /// Fits the predictor to one device. It cannot see the latencies it will be judged by.
  /// @param scale what is known of the device's range: of the support samples, or wider (protocol `paper`)
  [[nodiscard]] virtual std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                         const TargetScale& scale, Rng& rng) const = 0;
};

}  // namespace naslat
