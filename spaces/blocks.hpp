#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "spaces/network_builder.hpp"

namespace naslat {

/// round8 of search-spaces.md 1.4: to a multiple of 8, at least 8, never losing more than a tenth.
[[nodiscard]] std::int64_t round8(double width);

/// Convolution, batch norm, activation; padded so that stride 1 keeps the size.
struct ConvBlock {
  std::int64_t out = 0, kernel = 1, stride = 1, groups = 1;
  std::optional<ActivationKind> activation = ActivationKind::relu;
  bool bias = false;  ///< besides the batch norm
  double epsilon = 1e-5;
};
TensorId conv_bn_act(NetworkBuilder& net, TensorId x, const ConvBlock& block, const std::string& name);

/// Squeeze and excitation (Hu et al. 2018): global average, 1×1 to `width`, ReLU, 1×1 back, gate, channel product.
struct SqueezeExcite {
  std::int64_t width = 0;  ///< 0: none
  ActivationKind gate = ActivationKind::hsigmoid;
};
TensorId squeeze_excite(NetworkBuilder& net, TensorId x, const SqueezeExcite& block);

/// 1×1 expand, k×k depthwise, squeeze-excite if any, 1×1 project; the input is added where stride is 1 and widths agree
/// (MobileNetV2; search-spaces.md 1.5).
struct MbConv {
  std::int64_t mid = 0, out = 0, kernel = 3, stride = 1;
  ActivationKind activation = ActivationKind::relu;
  SqueezeExcite squeeze_excite{};
  bool expand = true;       ///< whether the 1×1 expand convolution exists; without it mid is the input's width
  std::int64_t groups = 1;  ///< of both 1×1 convolutions; more than one: channels are shuffled before the depthwise
  bool bias = false;        ///< convolutions carry one besides their batch norm
  double epsilon = 1e-5;    ///< of the batch norms
};
TensorId mbconv(NetworkBuilder& net, TensorId x, const MbConv& block);

/// Multi-head attention of HAT's Transformer: queries from x, keys and values projected already; output back to x's
/// width, added to x and normalised (post-norm).
TensorId attention(NetworkBuilder& net, TensorId x, TensorId queries, TensorId keys, TensorId values,
                   std::int64_t heads);

/// Two linear layers around a ReLU, added to x and normalised.
TensorId feed_forward(NetworkBuilder& net, TensorId x, std::int64_t hidden);

}  // namespace naslat
