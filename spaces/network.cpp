#include "spaces/network.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <numeric>
#include <set>

#include "spaces/hash.hpp"

namespace naslat {

namespace {

/// Everything of an operation that changes what it computes.
struct OpText {
  std::string operator()(const Convolution& op) const {
    return fmt::format("conv o{} k{} s{} p{} g{} b{} bn{}", op.out_channels, op.kernel, op.stride, op.padding,
                       op.groups, op.bias, op.folded_batch_norm);
  }
  std::string operator()(const BatchNorm& op) const { return fmt::format("bn {}", op.epsilon); }
  std::string operator()(const Activation& op) const { return fmt::format("act {}", static_cast<int>(op.kind)); }
  std::string operator()(const AveragePool& op) const {
    return fmt::format("avgpool k{} s{} p{}", op.kernel, op.stride, op.padding);
  }
  std::string operator()(const GlobalAveragePool&) const { return "gap"; }
  std::string operator()(const Linear& op) const {
    const std::string tied = op.tied_to.empty() ? "" : fmt::format(" tied {} w{}", op.tied_to, op.table_width);
    return fmt::format("linear o{} b{}{}", op.out_features, op.bias, tied);
  }
  std::string operator()(const Add&) const { return "add"; }
  std::string operator()(const Affine& op) const { return fmt::format("affine {} {}", op.scale, op.shift); }
  std::string operator()(const ChannelShuffle& op) const { return fmt::format("shuffle g{}", op.groups); }
  std::string operator()(const ChannelScale&) const { return "channel scale"; }
  std::string operator()(const TokenEmbedding& op) const {
    return fmt::format("embedding {} v{} w{}/{} t{}+{} r{}", op.table, op.vocabulary, op.width, op.table_width,
                       op.first_token, op.tokens, op.repeats);
  }
  std::string operator()(const LayerNorm& op) const { return fmt::format("ln {}", op.epsilon); }
  std::string operator()(const Concat&) const { return "concat"; }
  std::string operator()(const Slice& op) const { return fmt::format("slice {}+{}", op.first, op.count); }
  std::string operator()(const Repeat& op) const { return fmt::format("repeat {}", op.times); }
  std::string operator()(const AttentionScores& op) const { return fmt::format("scores h{}", op.heads); }
  std::string operator()(const Softmax&) const { return "softmax"; }
  std::string operator()(const AttentionContext&) const { return "context"; }
};

struct PostOpText {
  std::string operator()(const PostAdd& op) const { return fmt::format("+{}", op.tensor); }
  std::string operator()(const PostActivation& op) const { return fmt::format("act {}", static_cast<int>(op.kind)); }
};

struct OpDescription {
  std::string operator()(const Convolution& op) const {
    std::string text = fmt::format("conv {0}x{0}", op.kernel);
    if (op.stride != 1) text += fmt::format(" s{}", op.stride);
    if (op.groups != 1) text += fmt::format(" g{}", op.groups);
    return text;
  }
  std::string operator()(const BatchNorm&) const { return "batch norm"; }
  std::string operator()(const Activation& op) const { return to_string(op.kind); }
  std::string operator()(const AveragePool& op) const {
    return fmt::format("avg pool {0}x{0}{1}", op.kernel, op.stride == 1 ? "" : fmt::format(" s{}", op.stride));
  }
  std::string operator()(const GlobalAveragePool&) const { return "global avg pool"; }
  std::string operator()(const Linear&) const { return "linear"; }
  std::string operator()(const Add&) const { return "add"; }
  std::string operator()(const Affine& op) const { return op.scale == 0 ? "multiply by 0" : "add to 0"; }
  std::string operator()(const ChannelShuffle& op) const { return fmt::format("shuffle g{}", op.groups); }
  std::string operator()(const ChannelScale&) const { return "channel scale"; }
  std::string operator()(const TokenEmbedding&) const { return "embedding"; }
  std::string operator()(const LayerNorm&) const { return "layer norm"; }
  std::string operator()(const Concat&) const { return "concat"; }
  std::string operator()(const Slice&) const { return "slice"; }
  std::string operator()(const Repeat& op) const { return fmt::format("repeat {}x", op.times); }
  std::string operator()(const AttentionScores& op) const { return fmt::format("q.k {} heads", op.heads); }
  std::string operator()(const Softmax&) const { return "softmax"; }
  std::string operator()(const AttentionContext&) const { return "p.v"; }
};

}  // namespace

std::int64_t Shape::elements() const {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

std::string describe(const Op& op) { return std::visit(OpDescription{}, op); }

std::string describe(const Shape& shape, std::int64_t images) {
  std::string text;
  for (std::size_t i = 0; i < shape.dims.size(); ++i) {
    if (i > 0) text += 'x';
    const fmt::format_int extent(i == 0 ? shape.dims[i] / images : shape.dims[i]);  // far faster than a format string
    text.append(extent.data(), extent.size());
  }
  return text;
}

const char* to_string(ActivationKind kind) {
  constexpr std::array<const char*, 5> kNames = {"relu", "relu6", "hswish", "hsigmoid", "sigmoid"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::int64_t linear_in_features(const Shape& src) {
  return src.dims.size() == 3 ? src.dims[2] : src.elements() / src.batch();
}

std::int64_t macs(const Network& network, const Layer& layer) {
  if (layer.inputs.empty()) return 0;
  const Shape& in = network.tensors.at(layer.inputs[0]);
  const Shape& out = network.tensors.at(layer.output);
  if (const auto* conv = std::get_if<Convolution>(&layer.op)) {
    return out.elements() * (in.channels() / conv->groups) * conv->kernel * conv->kernel;
  }
  if (const auto* linear = std::get_if<Linear>(&layer.op)) return in.elements() * linear->out_features;
  if (std::holds_alternative<AttentionScores>(layer.op)) {  // each score is a product over one head's features
    return out.elements() * in.dims[2] / out.dims[1];
  }
  if (std::holds_alternative<AttentionContext>(layer.op)) return out.elements() * in.dims[3];
  return 0;
}

std::int64_t macs(const Network& network) {
  std::int64_t sum = 0;
  for (const Layer& layer : network.layers) sum += macs(network, layer);
  return sum;
}

std::int64_t parameters(const Network& network, const Layer& layer) {
  if (layer.inputs.empty()) return 0;
  const Shape& in = network.tensors.at(layer.inputs[0]);
  if (const auto* conv = std::get_if<Convolution>(&layer.op)) {
    const bool has_bias = conv->bias || !conv->folded_batch_norm.empty();
    return conv->out_channels * (in.channels() / conv->groups) * conv->kernel * conv->kernel +
           (has_bias ? conv->out_channels : 0);
  }
  if (std::holds_alternative<BatchNorm>(layer.op)) return 2 * in.channels();
  if (std::holds_alternative<LayerNorm>(layer.op)) return 2 * in.dims.back();
  if (const auto* linear = std::get_if<Linear>(&layer.op); linear != nullptr && linear->tied_to.empty()) {
    return linear_in_features(in) * linear->out_features + (linear->bias ? linear->out_features : 0);
  }
  return 0;
}

std::vector<std::int64_t> parameters_of_layers(const Network& network) {
  std::vector<std::int64_t> counts;
  std::set<std::string> shared;
  for (const Layer& layer : network.layers) {
    const bool first = layer.shared_weights.empty() || shared.insert(layer.shared_weights).second;
    counts.push_back(first ? parameters(network, layer) : 0);
  }
  return counts;
}

std::int64_t parameters(const Network& network) {
  const std::vector<std::int64_t> counts = parameters_of_layers(network);
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

std::uint64_t fingerprint(const Network& network) {
  Fnv1a hash;
  for (const Shape& shape : network.tensors) hash.add(describe(shape) + ";");
  for (const Layer& layer : network.layers) {
    hash.add(std::visit(OpText{}, layer.op));
    hash.add(fmt::format(" {}->{}", fmt::join(layer.inputs, ","), layer.output));
    for (const PostOp& op : layer.post_ops) hash.add(std::visit(PostOpText{}, op));
    if (!layer.shared_weights.empty()) hash.add(" of " + layer.shared_weights);
    hash.add(";");
  }
  hash.add(fmt::format("{}->{}", network.input, network.output));
  return hash.value();
}

std::vector<TensorId> reads(const Layer& layer) {
  std::vector<TensorId> tensors = layer.inputs;
  for (const PostOp& op : layer.post_ops) {
    if (const auto* add = std::get_if<PostAdd>(&op)) tensors.push_back(add->tensor);
  }
  return tensors;
}

}  // namespace naslat
