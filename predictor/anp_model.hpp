#pragma once

#include <span>
#include <vector>

#include "predictor/help_model.hpp"

namespace naslat {

/// A normal distribution per entry.
struct Normals {
  Var mean, deviation;
};

/// KL(p ‖ q) summed over the entries, 1×1.
template <typename T>
[[nodiscard]] Var divergence(Tape<T>& tape, const Normals& p, const Normals& q);

/// The architecture encoder's as HELP's (initial_encoder), then PyTorch's default: weight out×in and bias of each
/// linear layer, uniform ±1/√in.
[[nodiscard]] std::vector<Matrix<float>> initial_anp_parameters(int features, bool graph, Rng& rng);

/// An attentive neural process (Kim et al., ICLR 2019, Figure 2) over architectures x and their targets y on one
/// device. The context is what is known of the device. Two paths lead from it to the prediction: each query attends to
/// the context pairs that it resembles (deterministic path), and all pairs together tell where a latent z lies that
/// stands for the device (latent path). Their optional self-attention among context pairs is left out.
template <typename T>
class AttentiveNeuralProcess {
 public:
  /// @param theta as initial_anp_parameters lists them
  AttentiveNeuralProcess(Tape<T>& tape, std::span<const Var> theta);

  /// Representations of architectures, n×kHelpWidth: what x is below.
  [[nodiscard]] Var encode(const GraphBatch& batch) const;

  /// Where z lies, 1×kHelpWidth each. @param pairs summaries of all pairs added up, `count` their number
  [[nodiscard]] Normals latent(Var pairs, Eigen::Index count) const;
  /// Summaries of pairs, added up: 1×kHelpWidth.
  [[nodiscard]] Var summary(Var x, Var y) const;

  /// What queries find in the context, queries×kHelpWidth.
  [[nodiscard]] Var attend(Var queries, Var context_x, Var context_y) const;

  /// Targets of the queries, queries×1 each.
  [[nodiscard]] Normals decode(Var queries, Var attended, Var z) const;

 private:
  Tape<T>& tape_;
  std::span<const Var> encoder_, pairs_, attention_, summaries_, latent_, decoder_;
};

/// A device's context and queries, to learn from.
template <typename T>
struct AnpTask {
  const GraphBatch &context, &query;
  Matrix<T> context_targets, query_targets;  ///< one column
  Matrix<T> noise;                           ///< 1×kHelpWidth standard normal draws, for z
};
struct AnpLoss {
  Var bound;          ///< negative evidence lower bound per query: what is minimised
  Var squared_error;  ///< of the mean, to be shown
};
/// z is drawn as context and queries together place it, and the context alone is to place it there too.
template <typename T>
[[nodiscard]] AnpLoss anp_loss(Tape<T>& tape, const AnpTask<T>& task, std::span<const Var> theta);

}  // namespace naslat
