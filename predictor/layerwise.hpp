#pragma once

#include "predictor/predictor.hpp"

namespace naslat {

/// A network's latency is the sum of its blocks' times, each measured inside whole networks on the device itself
/// (HELP 4.1; A.2). It needs no samples but a device whose blocks were timed (`naslat measure --blocks`).
class LayerwisePredictor final : public LatencyPredictor {
 public:
  [[nodiscard]] std::string name() const override { return "layerwise"; }
  /// @throws DataError if the device's blocks were not timed; predict_s() does if one asked for was not
  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override;
};

}  // namespace naslat
