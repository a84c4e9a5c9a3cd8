#include "measure/backends/reference/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "configs/errors.hpp"
#include "measure/backends/reference/operations.hpp"
#include "measure/environment.hpp"
#include "measure/lowering.hpp"
#include "measure/weights.hpp"

namespace naslat {

namespace {

using reference::Values;

/// Kernel and bias of a layer (of an embedding, its table and positions); null where it has none. Layers that share
/// weights share them here too.
struct LayerWeights {
  std::shared_ptr<const std::vector<float>> kernel, bias;
};

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(Network network, const std::vector<float>& input)
      : network_(std::move(network)), weights_(network_.layers.size()), values_(network_.tensors.size()) {
    values_[network_.input].assign(input.begin(), input.end());
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const Layer& layer = network_.layers[i];
      values_[layer.output].resize(static_cast<std::size_t>(network_.tensors[layer.output].elements()));
      weights_[i] = weights_of(layer);
    }
    for (const auto& [key, values] : shared_) {
      info_.weight_bytes += static_cast<std::int64_t>(values->size() * sizeof(float));
    }
    for (const Values& values : values_) info_.arena_bytes += static_cast<std::int64_t>(values.size() * sizeof(double));
    info_.primitives = static_cast<int>(network_.layers.size());
    info_.kernels = {fmt::format("{}x loop reference:double", info_.primitives)};
  }

  void run() override {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const Layer& layer = network_.layers[i];
      std::visit([&](const auto& op) { compute(op, layer, weights_[i]); }, layer.op);
      for (const PostOp& op : layer.post_ops) {
        std::visit([&](const auto& post_op) { apply(post_op, values_[layer.output]); }, op);
      }
    }
  }

  [[nodiscard]] std::vector<float> output() const override {
    const Values& values = values_[network_.output];
    return {values.begin(), values.end()};
  }

  [[nodiscard]] const ExecutableInfo& info() const override { return info_; }

 private:
  LayerWeights weights_of(const Layer& layer) {
    const auto shared = [&](const std::string& key, const auto& make) {
      auto& values = shared_[key];
      if (!values) values = std::make_shared<const std::vector<float>>(make());
      return values;
    };
    const std::string& name = layer.weights_name();
    if (std::holds_alternative<Convolution>(layer.op)) {
      return {shared(name, [&] { return convolution_kernel(network_, layer); }),
              shared(name + ".bias", [&] { return convolution_bias(network_, layer); })};
    }
    if (std::holds_alternative<Linear>(layer.op)) {
      return {shared(name, [&] { return linear_kernel(network_, layer); }),
              shared(name + ".bias", [&] { return linear_bias(network_, layer); })};
    }
    if (const auto* op = std::get_if<TokenEmbedding>(&layer.op)) {
      return {shared(op->table, [&] { return embedding_table(op->table, op->vocabulary, op->table_width); }),
              shared(layer.name + ".positions", [&] { return position_encodings(*op); })};
    }
    return {};
  }

  [[nodiscard]] const Shape& shape(TensorId tensor) const { return network_.tensors[tensor]; }

  void compute(const Convolution& op, const Layer& layer, const LayerWeights& weights) {
    const TensorId x = layer.inputs[0], y = layer.output;
    reference::convolution(op, shape(x), values_[x], *weights.kernel, *weights.bias, shape(y), values_[y]);
  }
  void compute(const BatchNorm& op, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    const BatchNormWeights norm = batch_norm_weights(layer.weights_name(), shape(x).channels());
    Values scale(norm.scale.begin(), norm.scale.end()), shift(norm.shift.begin(), norm.shift.end());
    for (std::size_t c = 0; c < scale.size(); ++c) {
      scale[c] /= std::sqrt(static_cast<double>(norm.variance[c]) + op.epsilon);
      shift[c] -= static_cast<double>(norm.mean[c]) * scale[c];
    }
    reference::channel_affine(shape(x), values_[x], scale, shift, values_[layer.output]);
  }
  void compute(const Activation& op, const Layer& layer, const LayerWeights&) {
    values_[layer.output] = values_[layer.inputs[0]];
    apply(PostActivation{op.kind}, values_[layer.output]);
  }
  void compute(const AveragePool& op, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0], y = layer.output;
    reference::average_pool(op, shape(x), values_[x], shape(y), values_[y]);
  }
  void compute(const GlobalAveragePool&, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    reference::global_average_pool(shape(x), values_[x], values_[layer.output]);
  }
  void compute(const Linear& op, const Layer& layer, const LayerWeights& weights) {
    const TensorId x = layer.inputs[0];
    reference::linear(op, shape(x), values_[x], *weights.kernel, *weights.bias, values_[layer.output]);
  }
  void compute(const Add&, const Layer& layer, const LayerWeights&) {
    values_[layer.output] = values_[layer.inputs[0]];
    apply(PostAdd{layer.inputs[1]}, values_[layer.output]);
  }
  void compute(const Affine& op, const Layer& layer, const LayerWeights&) {
    Values& dst = values_[layer.output];
    if (layer.inputs.empty()) {
      std::fill(dst.begin(), dst.end(), op.shift);
      return;
    }
    const Values& src = values_[layer.inputs[0]];
    std::transform(src.begin(), src.end(), dst.begin(), [&](double x) { return x * op.scale + op.shift; });
  }

  void compute(const ChannelShuffle& op, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    reference::channel_shuffle(op, shape(x), values_[x], values_[layer.output]);
  }
  void compute(const ChannelScale&, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    reference::channel_scale(shape(x), values_[x], values_[layer.inputs[1]], values_[layer.output]);
  }
  void compute(const TokenEmbedding& op, const Layer& layer, const LayerWeights& weights) {
    const TensorId x = layer.inputs[0];
    reference::token_embedding(op, shape(x), values_[x], *weights.kernel, *weights.bias, values_[layer.output]);
  }
  void compute(const LayerNorm& op, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    const LayerNormWeights norm = layer_norm_weights(layer.weights_name(), shape(x).dims.back());
    reference::layer_norm(op, shape(x), values_[x], {norm.scale.begin(), norm.scale.end()},
                          {norm.shift.begin(), norm.shift.end()}, values_[layer.output]);
  }
  void compute(const Concat&, const Layer& layer, const LayerWeights&) {
    const TensorId a = layer.inputs[0], b = layer.inputs[1];
    reference::concat(shape(a), values_[a], shape(b), values_[b], values_[layer.output]);
  }
  void compute(const Slice& op, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    reference::slice(op, shape(x), values_[x], values_[layer.output]);
  }
  void compute(const Repeat& op, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    reference::repeat(op, shape(x), values_[x], values_[layer.output]);
  }
  void compute(const AttentionScores& op, const Layer& layer, const LayerWeights&) {
    const TensorId q = layer.inputs[0], k = layer.inputs[1];
    reference::attention_scores(op, shape(q), values_[q], shape(k), values_[k], values_[layer.output]);
  }
  void compute(const Softmax&, const Layer& layer, const LayerWeights&) {
    const TensorId x = layer.inputs[0];
    reference::softmax(shape(x), values_[x], values_[layer.output]);
  }
  void compute(const AttentionContext&, const Layer& layer, const LayerWeights&) {
    const TensorId p = layer.inputs[0], v = layer.inputs[1];
    reference::attention_context(shape(p), values_[p], shape(v), values_[v], values_[layer.output]);
  }

  void apply(const PostAdd& op, Values& dst) const {
    const Values& other = values_[op.tensor];
    std::transform(dst.begin(), dst.end(), other.begin(), dst.begin(), std::plus<>());
  }
  static void apply(const PostActivation& op, Values& dst) {
    for (double& value : dst) value = reference::activate(op.kind, value);
  }

  Network network_;
  std::map<std::string, std::shared_ptr<const std::vector<float>>> shared_;
  std::vector<LayerWeights> weights_;  // by layer
  std::vector<Values> values_;         // by tensor
  ExecutableInfo info_;
};

class ReferenceBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "reference"; }

  [[nodiscard]] std::vector<Device> devices() const override {
    return {{.backend = name(), .hardware = processor_short_name(), .isa = "", .pinned = false}};
  }

  [[nodiscard]] std::unique_ptr<Executable> compile(const Network& network, const Device& device) override {
    if (device.dtype != DataType::f32) {
      throw Unsupported(fmt::format("reference: dtype: got {}, wanted f32", to_string(device.dtype)));
    }
    Network graph = lowered(network, device);
    const std::vector<float> input = network_input(graph);
    return std::make_unique<ReferenceExecutable>(std::move(graph), input);
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

std::vector<float> reference_output(const Network& network, const std::vector<float>& input) {
  ReferenceExecutable executable(network, input);
  executable.run();
  return executable.output();
}

std::vector<float> reference_output(const Network& network) {
  return reference_output(network, network_input(network));
}

}  // namespace naslat
