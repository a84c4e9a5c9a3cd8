#pragma once

#include <functional>
#include <memory>

#include "predictor/help_model.hpp"
#include "predictor/predictor.hpp"
#include "predictor/tasks.hpp"

namespace naslat {

/// HELP (Lee et al., NeurIPS 2021): a meta-learned network conditioned on the hardware embedding, adapted to a device
/// by two gradient steps on its support samples (help-predictor.md 2 and 3).
class HelpPredictor final : public LatencyPredictor {
 public:
  explicit HelpPredictor(std::shared_ptr<const HelpParameters> parameters, int threads = 1)
      : parameters_(std::move(parameters)), threads_(threads) {}

  [[nodiscard]] std::string name() const override { return "help"; }
  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override;

 private:
  std::shared_ptr<const HelpParameters> parameters_;
  int threads_;
};

/// What meta-training does (help-predictor.md 4).
struct HelpTraining {
  int episodes = 2000, tasks = 8, support = 10, query = 200, inner_steps = 2, validate_every = 50;
  double rate = 1e-4;              ///< Adam's, over theta, alpha and the z network
  double divergence_weight = 0.8;  ///< of the KL term of each task, see the ruling in help-predictor.md 4
  std::uint64_t seed = 0;
  int threads = 1;  ///< does not change the result
};

struct MetaTrained {
  HelpParameters parameters;  ///< of the episode with the best meta-validation
  int best_episode = 0;
  double validation_spearman = 0;
};

/// Called after every episode with its mean query loss; after a validation also with its Spearman (else NaN).
using TrainingObserver = std::function<void(int episode, double loss, double validation_spearman)>;

/// @pre all positions of the tasks index `encodings` @throws Interrupted
[[nodiscard]] MetaTrained meta_train(const Encodings& encodings, const std::vector<DeviceTask>& train,
                                     const std::vector<DeviceTask>& validate, const HelpTraining& config,
                                     const TrainingObserver& observe);

}  // namespace naslat
