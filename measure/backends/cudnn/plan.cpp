#include "measure/backends/cudnn/plan.hpp"

#include <cmath>

#include "measure/weights.hpp"

namespace naslat::cudnn {

namespace {

/// groups×rows×columns → groups×columns×rows.
std::vector<float> transposed(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  std::vector<float> result(values.size());
  const std::size_t size = rows * columns;
  for (std::size_t i = 0; i < values.size(); ++i) {
    result[i / size * size + i % columns * rows + i % size / columns] = values[i];
  }
  return result;
}

std::size_t area(const Shape& shape) { return static_cast<std::size_t>(shape.height() * shape.width()); }

/// y = scale · x + shift of a batch norm whose statistics are constants.
struct FoldedBatchNorm {
  std::vector<float> scale, shift;
};
FoldedBatchNorm folded_batch_norm(const Network& network, const Layer& layer) {
  BatchNormWeights norm = batch_norm_weights(layer.weights_name(), network.tensors[layer.inputs[0]].channels());
  const double epsilon = std::get<BatchNorm>(layer.op).epsilon;
  for (std::size_t c = 0; c < norm.scale.size(); ++c) {
    norm.scale[c] = static_cast<float>(norm.scale[c] / std::sqrt(norm.variance[c] + epsilon));
    norm.shift[c] -= norm.mean[c] * norm.scale[c];
  }
  return {std::move(norm.scale), std::move(norm.shift)};
}

/// In the order in which measure/weights.hpp makes them.
std::vector<float> plain_values(const Network& network, const Weights& weights) {
  using Part = Weights::Part;
  if (weights.part == Part::input || weights.part == Part::tokens) return network_input(network);
  const Layer& layer = network.layers.at(weights.layer);
  switch (weights.part) {
    case Part::input:
    case Part::tokens:
      break;
    case Part::convolution_kernel:
    case Part::depthwise_kernel:
      return convolution_kernel(network, layer);
    case Part::convolution_bias:
      return convolution_bias(network, layer);
    case Part::batch_norm_scale:
      return folded_batch_norm(network, layer).scale;
    case Part::batch_norm_shift:
      return folded_batch_norm(network, layer).shift;
    case Part::linear_kernel:
      return linear_kernel(network, layer);
    case Part::linear_bias:
      return linear_bias(network, layer);
    case Part::layer_norm_scale:
    case Part::layer_norm_shift: {
      LayerNormWeights norm = layer_norm_weights(layer.weights_name(), network.tensors[layer.inputs[0]].dims.back());
      return weights.part == Part::layer_norm_scale ? std::move(norm.scale) : std::move(norm.shift);
    }
    case Part::embedding_table: {
      const auto& op = std::get<TokenEmbedding>(layer.op);
      return embedding_table(op.table, op.vocabulary, op.table_width);
    }
    case Part::positions:
      return position_encodings(std::get<TokenEmbedding>(layer.op));
  }
  return {};
}

}  // namespace

ArenaPlan plan_arena(const Plan& plan, std::size_t element_bytes) {
  std::vector<Lifetime> lifetimes;
  for (const Buffer& buffer : plan.buffers) {
    lifetimes.push_back({buffer.constant ? 0 : buffer.elements * element_bytes, buffer.first_step, buffer.last_step});
  }
  return naslat::plan_arena(lifetimes, kGpuAlignment);
}

std::vector<float> weight_values(const Network& network, const Weights& weights) {
  std::vector<float> values = plain_values(network, weights);
  if (!weights.channels_last) return values;
  if (weights.part == Weights::Part::input) return channels_last(values, network.tensors[network.input]);
  const Layer& layer = network.layers.at(weights.layer);
  if (weights.part == Weights::Part::linear_kernel) return channels_last(values, network.tensors[layer.inputs[0]]);
  const auto& op = std::get<Convolution>(layer.op);
  const auto taps = static_cast<std::size_t>(op.kernel * op.kernel);
  const auto channels = weights.part == Weights::Part::depthwise_kernel
                            ? op.out_channels
                            : network.tensors[layer.inputs[0]].channels() / op.groups;
  return transposed(values, static_cast<std::size_t>(channels), taps);
}

std::vector<float> channels_first(const std::vector<float>& values, const Shape& shape) {
  return transposed(values, area(shape), static_cast<std::size_t>(shape.channels()));
}

std::vector<float> channels_last(const std::vector<float>& values, const Shape& shape) {
  return transposed(values, static_cast<std::size_t>(shape.channels()), area(shape));
}

}  // namespace naslat::cudnn
