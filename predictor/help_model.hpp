#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "predictor/graph_batch.hpp"
#include "spaces/random.hpp"

namespace naslat {

/// A matrix of HELP's released checkpoints under its name there. Weights of graph convolutions are in×out, of linear
/// layers out×in; a bias of n values is 1×n.
struct NamedMatrix {
  std::string name;
  Matrix<float> value;
};

/// What HELP learns: the model theta, a rate alpha for each of its parameters, and the z network.
struct HelpParameters {
  std::vector<NamedMatrix> theta, rates, z;
};

/// The same as it is computed with: all weights in×out, and in place of fc3's the two parts that its inputs meet, the
/// encoded architecture's and the device's.
struct HelpWeights {
  std::vector<Matrix<float>> theta, rates, z;
};
[[nodiscard]] HelpWeights weights_of(const HelpParameters& parameters);
/// The reverse. @param parameters have the names and receive the values
void store(const HelpWeights& weights, HelpParameters& parameters);
/// One matrix of weights_of(), but for fc3's.
[[nodiscard]] Matrix<float> in_by_out(const NamedMatrix& parameter);

constexpr int kHelpWidth = 100;       // L of help-predictor.md 2
constexpr int kHelpEmbedding = 10;    // reference latencies
constexpr int kHelpModulators = 603;  // 3·2L weight scales, then 3 bias shifts
constexpr int kHelpDepth = 3;         // graph convolutions on all nodes; the fourth is read out at the global node

/// The architecture encoder's share of the parameters below: weight and bias of each layer.
[[nodiscard]] std::vector<NamedMatrix> initial_encoder(int features, bool graph, Rng& rng);
/// PyTorch's default initialisation for linear layers, HELP's for graph convolutions; all rates 1e-3.
/// @param graph whether architectures are encoded by graph convolutions (NAS-Bench-201) or by a linear encoder
[[nodiscard]] HelpParameters initial_help_parameters(int features, bool graph, Rng& rng);

/// theta, rates and z parameters on a tape. @note in single precision they are not copied
struct HelpVars {
  std::vector<Var> theta, rates, z;
};
template <typename T>
[[nodiscard]] HelpVars on_tape(Tape<T>& tape, const HelpWeights& weights);
template <typename T>
HelpVars on_tape(Tape<T>& tape, const HelpWeights&& temporary) = delete;

/// The normal distribution over modulators that the z network makes of an embedding: 1×603 each.
struct Modulators {
  Var mean, spread;  ///< z ~ Normal(mean, softplus(spread))
};
template <typename T>
[[nodiscard]] Modulators modulators(Tape<T>& tape, std::span<const Var> z_parameters, Var embedding);
/// mean + softplus(spread)·noise. @param noise 1×603 standard normal draws
template <typename T>
[[nodiscard]] Var sample_modulators(Tape<T>& tape, const Modulators& modulators, Var noise);
/// KL(Normal(mean, softplus(spread)) ‖ Normal(0, 1)) summed over the entries.
template <typename T>
[[nodiscard]] Var divergence(Tape<T>& tape, const Modulators& modulators);

/// What the encoder makes of each architecture, architectures×kHelpWidth. @param encoder as initial_encoder lists them,
/// weights in×out
template <typename T>
[[nodiscard]] Var encode_architectures(Tape<T>& tape, const GraphBatch& batch, std::span<const Var> encoder);

/// The architecture encoder's share of theta.
[[nodiscard]] std::span<const Var> encoder_of(std::span<const Var> theta);

/// The header for one device and one z as a perceptron, weight (in×out) and bias of each layer: applied to encoded
/// architectures, it predicts what help_forward does.
template <typename T>
[[nodiscard]] std::vector<Var> header_for(Tape<T>& tape, Var embedding, std::span<const Var> theta,
                                          std::optional<Var> z);

/// Predicted targets of a batch, architectures×1.
/// @param embedding V_h as 1×10 @param z modulators of the header (1×603), or nothing for the plain model
template <typename T>
[[nodiscard]] Var help_forward(Tape<T>& tape, const GraphBatch& batch, Var embedding, std::span<const Var> theta,
                               std::optional<Var> z);

template <typename T>
[[nodiscard]] Var mean_squared_error(Tape<T>& tape, Var predicted, Var wanted);

/// One step of Eq. 7: theta - rates∘grad MSE(support). @param loss receives the loss before the step, if not null
template <typename T>
[[nodiscard]] std::vector<Var> inner_step(Tape<T>& tape, const GraphBatch& support, Var targets, Var embedding,
                                          std::span<const Var> theta, std::span<const Var> rates, std::optional<Var> z,
                                          std::vector<Var>* gradients = nullptr, Var* loss = nullptr);

}  // namespace naslat
