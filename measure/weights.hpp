#pragma once

#include <vector>

#include "spaces/network.hpp"

namespace naslat {

/// Weights are seeded by the layer's weights_name() and shape, so that every backend, mode and platform computes the
/// same function, and equal layers of different architectures have equal weights. He-scaled (half of it, since
/// NAS-Bench-201 sums up to three edges per node), so that activations neither vanish nor overflow and the timing never
/// meets denormals.

/// Kernel of `layer` (a Convolution): out×(in/groups)×k×k, row-major, with its folded batch norm's scale already in.
[[nodiscard]] std::vector<float> convolution_kernel(const Network& network, const Layer& layer);
/// Its bias, length out_channels: zero without one; the folded batch norm's shift.
[[nodiscard]] std::vector<float> convolution_bias(const Network& network, const Layer& layer);

struct BatchNormWeights {
  std::vector<float> scale, shift, mean, variance;  ///< one per channel
};
[[nodiscard]] BatchNormWeights batch_norm_weights(const std::string& layer_name, std::int64_t channels);

/// Scale and shift of a layer norm, one per feature.
struct LayerNormWeights {
  std::vector<float> scale, shift;
};
[[nodiscard]] LayerNormWeights layer_norm_weights(const std::string& weights_name, std::int64_t features);

/// Token embeddings, vocabulary×width, row-major; Transformers share one table between their ends.
[[nodiscard]] std::vector<float> embedding_table(const std::string& table, std::int64_t vocabulary, std::int64_t width);
/// What a TokenEmbedding adds to token number `token` (0-based) of a sequence: fairseq's sinusoidal row 2 + token of a
/// table `table_width` wide, sines first, then cosines, cut to `width`.
[[nodiscard]] std::vector<float> position_encoding(std::int64_t token, std::int64_t width, std::int64_t table_width);
/// The same of all its tokens, tokens×width, row-major.
[[nodiscard]] std::vector<float> position_encodings(const TokenEmbedding& embedding);

/// out_features×in_features, row-major, and out_features. A tied kernel is cut out of its embedding table.
[[nodiscard]] std::vector<float> linear_kernel(const Network& network, const Layer& layer);
[[nodiscard]] std::vector<float> linear_bias(const Network& network, const Layer& layer);

/// What every network is run on: an image, standard normal, N×C×H×W row-major; or token numbers, uniform over the
/// vocabulary, where the network embeds them.
[[nodiscard]] std::vector<float> network_input(const Network& network);

}  // namespace naslat
