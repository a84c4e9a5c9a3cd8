#pragma once

#include <memory>
#include <optional>

#include "predictor/additive_features.hpp"
#include "predictor/predictor.hpp"

namespace naslat {

/// Ours. Latency in these spaces is very nearly a sum of costs, so a device is learned as one: a Gaussian process over
/// linear kernels (what source devices and a typical one charge for an architecture, physical sums for each way of
/// executing a graph, block counts, the encoding), two of fewer kernels for few noisy samples, non-negative costs of
/// the physical sums for each way of executing it, and a mixture of the known devices, averaged by how well each
/// predicts every sample from the others. Where the samples' blocks were timed, what these add up to is one more figure
/// (BlockCosts). Closed form: milliseconds, no meta-training. Works without any source device; chooses its own samples.
class AdditivePredictor final : public LatencyPredictor {
 public:
  /// @param threads that adapt; they do not change the result
  explicit AdditivePredictor(int threads = 1) : threads_(threads) {}

  [[nodiscard]] std::string name() const override { return "additive"; }

  /// Learns the scale of each figure over the pool's architectures, and what each source device charges for it.
  void meta_train(const SourcePool& pool, const TrainingObserver& observe) override;

  /// How the device executes graphs is used where it is known; else the samples tell. @throws DataError for fewer than
  /// 4
  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override;

  /// By the prior with fewer than 4 samples, else by which costs these leave open.
  [[nodiscard]] std::vector<std::size_t> next(std::span<const Encoding> candidates, const Samples& known,
                                              std::size_t count) const override;

 private:
  [[nodiscard]] Eigen::MatrixXd figures(std::span<const Encoding> architectures) const;
  [[nodiscard]] std::vector<AdditiveFeatures::Group> groups(std::optional<GraphMode> mode) const;

  int threads_;
  std::shared_ptr<const AdditiveFeatures> features_;
  /// Columns of features × devices known beforehand, each of spread 1 over the pool.
  Eigen::MatrixXd device_costs_;
  std::vector<AdditiveFeatures::Group> devices_;  ///< which of them are sources, which typical, and all of them
};

}  // namespace naslat
