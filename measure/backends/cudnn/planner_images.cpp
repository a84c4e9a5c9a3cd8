// What each operation on feature maps becomes.

#include <fmt/format.h>

#include "measure/backends/cudnn/planner.hpp"

namespace naslat::cudnn {

namespace {

bool has_bias(const Convolution& op) { return op.bias || !op.folded_batch_norm.empty(); }

bool is_depthwise(const Convolution& op, const Shape& src) {
  return op.groups > 1 && op.groups == src.channels() && op.out_channels == src.channels();
}

/// What a convolution's kernel and bias depend on.
std::string convolution_key(const Layer& layer, const Shape& src) {
  const auto& op = std::get<Convolution>(layer.op);
  return fmt::format("{} {}x{}x{}x{} {} {} {}", layer.weights_name(), op.out_channels, src.channels() / op.groups,
                     op.kernel, op.kernel, op.folded_batch_norm, op.folded_epsilon, op.bias);
}

}  // namespace

Value Planner::compute(const Convolution& op) {
  const Shape &in = src_shape(), &out = shape(layer_->output);
  if (is_depthwise(op, in)) return depthwise(op);
  ConvolutionCall call{.batch = in.batch(),
                       .in_channels = in.channels(),
                       .in_height = in.height(),
                       .in_width = in.width(),
                       .out_channels = op.out_channels,
                       .out_height = out.height(),
                       .out_width = out.width(),
                       .kernel = op.kernel,
                       .stride = op.stride,
                       .padding = op.padding,
                       .groups = op.groups};
  const std::string key = convolution_key(*layer_, in);
  Operands operands{};
  operands[1] = src();
  operands[2] = weights(Weights::Part::convolution_kernel, key, options_.channels_last);
  const Operand bias = has_bias(op) ? weights(Weights::Part::convolution_bias, key) : Operand{};
  const auto end = options_.every_op_alone ? std::nullopt : epilogue();
  // cuDNN has engines that add a tensor for convolutions with a bias only.
  if (end && (has_bias(op) || end->addend.kind == Operand::Kind::none)) {
    operands[3] = bias;
    operands[4] = end->addend;
    call.bias = has_bias(op);
    call.add = end->addend.kind != Operand::Kind::none;
    call.relu = end->relu;
    return emit_new(call, operands);
  }
  const Value made = emit_new(call, operands);
  finish(made, layer_->post_ops, 0, bias);
  return made;
}

Value Planner::depthwise(const Convolution& op) {
  DepthwiseConvolution kernel{.count = elements(shape(layer_->output)),
                              .windows = windows(src_shape(), shape(layer_->output))};
  kernel.windows.kernel = static_cast<Index>(op.kernel);
  kernel.windows.stride = static_cast<Index>(op.stride);
  kernel.windows.padding = static_cast<Index>(op.padding);
  const std::string key = convolution_key(*layer_, src_shape());
  Operands operands{};
  operands[1] = src();
  operands[2] = weights(Weights::Part::depthwise_kernel, key, options_.channels_last);
  if (has_bias(op)) operands[3] = weights(Weights::Part::convolution_bias, key);
  return with_post_ops(kernel, operands);
}

Value Planner::compute(const BatchNorm& op) {
  const std::string key = fmt::format("{} {} {}", layer_->weights_name(), src_shape().channels(), op.epsilon);
  return with_post_ops(
      elementwise(shape(layer_->output)),
      {Operand{}, src(), weights(Weights::Part::batch_norm_scale, key), weights(Weights::Part::batch_norm_shift, key)});
}

Value Planner::compute(const AveragePool& op) {
  AveragePooling kernel{.count = elements(shape(layer_->output)),
                        .windows = windows(src_shape(), shape(layer_->output))};
  kernel.windows.kernel = static_cast<Index>(op.kernel);
  kernel.windows.stride = static_cast<Index>(op.stride);
  kernel.windows.padding = static_cast<Index>(op.padding);
  return with_post_ops(kernel, {Operand{}, src()});
}

Value Planner::compute(const GlobalAveragePool&) {
  const Shape& in = src_shape();
  const GlobalPooling kernel{.rows = elements(shape(layer_->output)),
                             .channels = static_cast<Index>(in.channels()),
                             .area = static_cast<Index>(in.height() * in.width()),
                             .channels_last = options_.channels_last};
  return with_post_ops(kernel, {Operand{}, src()});
}

Value Planner::compute(const Activation& op) {
  return with_post_ops(elementwise(shape(layer_->output)), {Operand{}, src()}, {PostActivation{op.kind}});
}

Value Planner::compute(const Affine& op) {
  Elementwise kernel = elementwise(shape(layer_->output));
  kernel.scale = static_cast<float>(op.scale);
  kernel.shift = static_cast<float>(op.shift);
  return with_post_ops(kernel, {Operand{}, layer_->inputs.empty() ? Operand{} : src()});
}

Value Planner::compute(const Add&) {
  return with_post_ops(elementwise(shape(layer_->output)), {Operand{}, src()}, {PostAdd{layer_->inputs[1]}});
}

Value Planner::compute(const ChannelShuffle& op) {
  const Elementwise map = elementwise(shape(layer_->output));
  const Shuffling kernel{.count = map.count,
                         .channels = map.channels,
                         .area = map.area,
                         .groups = static_cast<Index>(op.groups),
                         .channels_last = map.channels_last};
  return emit_new(kernel, {Operand{}, src()});
}

Value Planner::compute(const ChannelScale&) {
  Elementwise kernel = elementwise(shape(layer_->output));
  kernel.factor_per_image = true;
  return with_post_ops(kernel, {Operand{}, src(), src(1)});
}

}  // namespace naslat::cudnn
