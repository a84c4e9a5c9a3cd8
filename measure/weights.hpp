#pragma once

#include <vector>

#include "spaces/network.hpp"

namespace naslat {

/// Weights are seeded by the layer's name and shape, so that every backend, mode and platform computes the same
/// function, and equal layers of different architectures have equal weights. He-scaled (half of it, since NAS-Bench-201
/// sums up to three edges per node), so that activations neither vanish nor overflow and the timing never meets
/// denormals.

/// Kernel of `layer` (a Convolution): out×(in/groups)×k×k, row-major, with its folded batch norm's scale already in.
[[nodiscard]] std::vector<float> convolution_kernel(const Network& network, const Layer& layer);
/// Its bias, length out_channels: zero without one; the folded batch norm's shift.
[[nodiscard]] std::vector<float> convolution_bias(const Network& network, const Layer& layer);

struct BatchNormWeights {
  std::vector<float> scale, shift, mean, variance;  ///< one per channel
};
[[nodiscard]] BatchNormWeights batch_norm_weights(const std::string& layer_name, std::int64_t channels);

/// out_features×in_features, row-major, and out_features.
[[nodiscard]] std::vector<float> linear_kernel(const Network& network, const Layer& layer);
[[nodiscard]] std::vector<float> linear_bias(const Network& network, const Layer& layer);

/// The image every network is run on: standard normal, N×C×H×W row-major.
[[nodiscard]] std::vector<float> network_input(const Shape& shape);

}  // namespace naslat
