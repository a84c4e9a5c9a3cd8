#pragma once

#include "predictor/predictor.hpp"

namespace naslat {

/// Ranks networks by multiply-accumulates; milliseconds by a straight line through the support samples.
/// Encodings must carry their macs.
class FlopsPredictor final : public LatencyPredictor {
 public:
  [[nodiscard]] std::string name() const override { return "flops"; }
  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override;
};

}  // namespace naslat
