#pragma once

#include <functional>
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

  /// How far a measurement may lie from each prediction, seconds: nine in ten within 1.645 of these. Empty from
  /// predictors that do not know.
  [[nodiscard]] virtual std::vector<double> spread_s(std::span<const Encoding>) const { return {}; }
};

/// Half-width of a 90% interval, in spreads.
constexpr double kNinetyPercent = 1.645;

struct DeviceTask;

/// Devices whose latencies are known, to learn from. Positions in the tasks index `encodings`.
struct SourcePool {
  std::span<const Encoding> encodings;
  std::span<const DeviceTask> train, validate;  ///< the best episode is chosen by the latter
};

/// Called after every episode with its mean query loss; after a validation also with its Spearman (else NaN).
using TrainingObserver = std::function<void(int episode, double loss, double validation_spearman)>;

/// A way to predict latencies on a device never seen from a few samples of it.
class LatencyPredictor {
 public:
  virtual ~LatencyPredictor() = default;

  [[nodiscard]] virtual std::string name() const = 0;

  /// Learns from the source devices what they have in common. Predictors that use none do nothing. @throws Interrupted
  virtual void meta_train(const SourcePool&, const TrainingObserver&) {}

  /// Fits the predictor to one device. It cannot see the latencies it will be judged by.
  /// @param scale what is known of the device's range: of the support samples, or wider (protocol `paper`)
  [[nodiscard]] virtual std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                         const TargetScale& scale, Rng& rng) const = 0;

  /// The candidates whose latencies would teach it most about a device, in that order, beside the samples known of it
  /// already; none from predictors that take samples as they come. @param candidates none of the samples
  [[nodiscard]] virtual std::vector<std::size_t> next(std::span<const Encoding>, const Samples&, std::size_t) const {
    return {};
  }
};

}  // namespace naslat
