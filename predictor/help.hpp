#pragma once

#include <memory>
#include <string>

#include "predictor/help_model.hpp"
#include "predictor/predictor.hpp"
#include "predictor/tasks.hpp"

namespace naslat {

/// Which of HELP's parts a predictor has; all of them make HELP. Without conditioning the network sees zeros instead of
/// the hardware embedding; without learned rates they stay at 1e-3.
struct HelpDesign {
  bool conditioned = true, learned_rates = true, modulated = true;
  int inner_steps = 2;  ///< T of Eq. 7, in training and test; 0: not adapted

  bool operator==(const HelpDesign&) const = default;
};

/// What meta-training does (help-predictor.md 4).
struct HelpTraining {
  int episodes = 2000, tasks = 8, support = 10, query = 200, validate_every = 50;
  double rate = 1e-4;              ///< Adam's, over theta, alpha and the z network
  double divergence_weight = 0.8;  ///< of the KL term of each task, see the ruling in help-predictor.md 4
  std::uint64_t seed = 0;
  int threads = 1;  ///< does not change the result
  HelpDesign design{};
};

/// HELP (Lee et al., NeurIPS 2021): a meta-learned network conditioned on the hardware embedding, adapted to a device
/// by two gradient steps on its support samples (help-predictor.md 2 and 3). With parts of its design left out: MAML,
/// Meta-SGD, and the ablations of the paper's Table 2.
class HelpPredictor final : public LatencyPredictor {
 public:
  HelpPredictor(std::string name, HelpTraining training) : name_(std::move(name)), training_(training) {}
  /// Meta-trained already.
  explicit HelpPredictor(std::shared_ptr<const HelpParameters> parameters, int threads = 1, HelpDesign design = {})
      : name_("help"), training_{.threads = threads, .design = design}, parameters_(std::move(parameters)) {}

  [[nodiscard]] std::string name() const override { return name_; }
  void meta_train(const SourcePool& pool, const TrainingObserver& observe) override;
  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override;

 private:
  std::string name_;
  HelpTraining training_;
  std::shared_ptr<const HelpParameters> parameters_;
};

struct MetaTrained {
  HelpParameters parameters;  ///< of the episode with the best meta-validation
  int best_episode = 0;
  double validation_spearman = 0;
};

/// @throws Interrupted
[[nodiscard]] MetaTrained meta_train(const SourcePool& pool, const HelpTraining& config,
                                     const TrainingObserver& observe);

}  // namespace naslat
