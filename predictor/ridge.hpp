#pragma once

#include <memory>
#include <string>

#include "predictor/additive_features.hpp"
#include "predictor/predictor.hpp"

namespace naslat {

/// Ridge regression of latency on an architecture's figures, its penalty chosen by leaving one sample out. On the
/// counts of its blocks it is the simplest predictor worth beating; on every figure and with thousands of samples it
/// shows how much of a table is not noise.
class RidgePredictor final : public LatencyPredictor {
 public:
  enum class Figures { kinds, all };
  RidgePredictor(std::string name, Figures figures) : name_(std::move(name)), figures_(figures) {}

  [[nodiscard]] std::string name() const override { return name_; }
  void meta_train(const SourcePool& pool, const TrainingObserver& observe) override;
  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override;

 private:
  std::string name_;
  Figures figures_;
  std::shared_ptr<const AdditiveFeatures> features_;
};

}  // namespace naslat
