#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "spaces/network_builder.hpp"
#include "spaces/random.hpp"

namespace naslat::test {

/// Draws a network of `size` layers that read any earlier tensors of their shape: long and short lives, tensors read
/// often, once or never, zeros, sums of a tensor with itself, activations of activations.
inline Network random_network(Rng& rng, int size, std::int64_t channels = 8, std::int64_t extent = 6) {
  NetworkBuilder net("random", Shape{{1, channels, extent, extent}});
  std::vector<TensorId> tensors{net.input()};
  // Recent tensors more often than old ones, as in real networks.
  const auto any = [&] { return tensors[tensors.size() - 1 - rng.below(1 + rng.below(tensors.size()))]; };
  for (int i = 0; i < size; ++i) {
    const NameScope scope(net, "layer" + std::to_string(i));
    const BlockScope block(net, "layer");
    const TensorId x = any();
    switch (rng.below(13)) {
      case 0:
        tensors.push_back(net.affine(x, {.scale = 0}));
        break;
      case 1:
        tensors.push_back(net.affine(x, {.scale = 1}));
        break;
      case 2:
        tensors.push_back(net.affine(x, {.scale = rng.below(2) == 0 ? 0.0 : -0.5, .shift = 0.25}));
        break;
      case 3:
        tensors.push_back(net.relu(x));
        break;
      case 4:
        tensors.push_back(net.average_pool(x, {.kernel = 3, .stride = 1, .padding = 1}));
        break;
      case 5: {
        const std::int64_t kernel = rng.below(2) == 0 ? 1 : 3;
        const TensorId y = net.conv(x, {.out_channels = channels,
                                        .kernel = kernel,
                                        .padding = kernel / 2,
                                        .groups = rng.below(4) == 0 ? 2 : 1,
                                        .bias = rng.below(4) == 0});
        if (rng.below(4) == 0) tensors.push_back(y);  // the batch norm is not the only reader
        tensors.push_back(rng.below(4) == 0 ? y : net.batch_norm(y));
        break;
      }
      case 6:
        tensors.push_back(net.batch_norm(x));
        break;
      case 7: {
        constexpr ActivationKind kKinds[] = {ActivationKind::relu6, ActivationKind::hswish, ActivationKind::hsigmoid,
                                             ActivationKind::sigmoid};
        tensors.push_back(net.activation(x, kKinds[rng.below(4)]));
        break;
      }
      case 8:
        tensors.push_back(net.channel_shuffle(x, 2));
        break;
      case 9: {
        const TensorId factors = net.activation(net.global_average_pool(any()), ActivationKind::hsigmoid);
        tensors.push_back(net.channel_scale(x, factors));
        break;
      }
      case 10: {  // depthwise, then maybe its batch norm
        const std::int64_t kernel = rng.below(2) == 0 ? 3 : 5;
        const TensorId y = net.conv(
            x, {.out_channels = channels, .kernel = kernel, .padding = kernel / 2, .groups = channels}, "depthwise");
        tensors.push_back(rng.below(2) == 0 ? y : net.batch_norm(y));
        break;
      }
      default:
        tensors.push_back(net.add(x, any()));
        break;
    }
  }
  return net.build(net.linear(net.global_average_pool(tensors.back()), 10));
}

/// Draws a Transformer-like network: tokens, linear layers, norms, slices, repeated and joined sequences, attention
/// between any two tensors of fitting batch and width.
inline Network random_sequence_network(Rng& rng, int size) {
  constexpr std::int64_t kWidth = 16;
  NetworkBuilder net("random", Shape{{1, 6}});
  const auto embed = [&](const std::string& name, std::int64_t first, std::int64_t tokens) {
    return net.embedding(net.input(),
                         {.table = "table",
                          .vocabulary = 50,
                          .width = kWidth,
                          .table_width = 20,
                          .first_token = first,
                          .tokens = tokens,
                          .repeats = 2},
                         name);
  };
  std::vector<TensorId> tensors{embed("source", 0, 6), embed("target", 2, 1)};
  const auto any = [&] { return tensors[tensors.size() - 1 - rng.below(1 + rng.below(tensors.size()))]; };
  for (int i = 0; i < size; ++i) {
    const NameScope scope(net, "layer" + std::to_string(i));
    const BlockScope block(net, "layer");
    const TensorId x = any();
    switch (rng.below(8)) {
      case 0:
        tensors.push_back(net.layer_norm(x));
        break;
      case 1:
        tensors.push_back(net.relu(net.linear(x, kWidth)));
        break;
      case 2:
        tensors.push_back(net.slice(net.linear(x, 3 * kWidth), rng.below(2) == 0 ? 0 : kWidth, kWidth));
        break;
      case 3: {
        const TensorId y = any();
        if (net.shape(x).dims[1] + net.shape(y).dims[1] < 40) tensors.push_back(net.concat(x, y));
        break;
      }
      case 4: {
        const TensorId y = net.linear(x, kWidth);
        tensors.push_back(net.add(rng.below(2) == 0 ? x : net.layer_norm(x, "other"), y));
        break;
      }
      default: {
        const TensorId keys = any(), values = net.shape(keys) == net.shape(x) ? x : keys;
        const std::int64_t heads = std::int64_t{1} << rng.below(3);
        tensors.push_back(net.attention_context(net.softmax(net.attention_scores(x, keys, heads)), values));
        break;
      }
    }
  }
  const TensorId last = net.repeat(tensors.back(), 3);
  return net.build(net.linear(last, {.out_features = 50, .bias = false, .tied_to = "table", .table_width = 20}));
}

/// ‖a − b‖ / ‖b‖; infinite where sizes differ.
inline double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

}  // namespace naslat::test
