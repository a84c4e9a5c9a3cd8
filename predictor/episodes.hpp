#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "predictor/graph_batch.hpp"
#include "predictor/help.hpp"
#include "predictor/nn/adam.hpp"

namespace naslat {

/// One task of an episode, all random choices made.
struct EpisodeTask {
  const DeviceTask* device;
  std::vector<const ColouredGraph*> support, query;
  Matrix<float> support_targets, query_targets;  ///< one column
  Matrix<float> noise;                           ///< one row of standard normal draws, for the model's latent variable
};

/// Meta-training by episodes (HELP 3.3), whatever the model: tasks are drawn, differentiated side by side, and Adam
/// takes one step by their mean. The validation devices choose the best episode. The result does not depend on the
/// number of threads.
class EpisodeTrainer {
 public:
  virtual ~EpisodeTrainer() = default;

  struct Best {
    int episode = 0;
    double validation_spearman = -2;
  };
  /// @throws Interrupted
  Best train(const SourcePool& pool, const TrainingObserver& observe);

 protected:
  /// @param noise standard normal draws a task needs
  EpisodeTrainer(const HelpTraining& config, Eigen::Index noise);

  [[nodiscard]] const HelpTraining& config() const { return config_; }
  [[nodiscard]] Rng& rng() { return rng_; }  ///< of initial parameters; tasks and noise follow

  [[nodiscard]] virtual std::vector<Matrix<float>*> learned() = 0;
  /// Adds what one task says about the parameters to the sums, as learned() lists them. Called from several threads at
  /// once. @return the query loss
  virtual double differentiate(Tape<float>& tape, const EpisodeTask& task, std::vector<Matrix<float>>& sums) const = 0;
  /// The parameters as they are now, ready to adapt.
  [[nodiscard]] virtual std::unique_ptr<LatencyPredictor> predictor() const = 0;
  /// The parameters as they are now are the best so far.
  virtual void keep() = 0;

 private:
  std::vector<EpisodeTask> draw(const SourcePool& pool);
  EpisodeTask draw(const DeviceTask& device);
  double episode(const SourcePool& pool);
  void update(std::size_t p, Matrix<float>& parameter, std::size_t tasks);
  [[nodiscard]] double validate(const SourcePool& pool, int number) const;

  HelpTraining config_;
  Eigen::Index noise_;
  Rng rng_;
  Adam adam_;
  std::vector<ColouredGraph> graphs_;             // of the pool
  std::vector<EpisodeTask> tasks_;                // of the next episode
  std::vector<Tape<float>> tapes_;                // of each thread
  std::vector<std::vector<Matrix<float>>> sums_;  // of gradients, of each lane
};

}  // namespace naslat
