// What each operation on feature maps becomes.

#include "measure/backends/onednn/planner.hpp"

namespace naslat::onednn {

/// A depthwise convolution is not fused onto the 1×1 one before it: nearly always the library then runs the same two
/// kernels one after the other, and no network becomes faster.
Value Planner::compute(const Convolution& op) {
  const Shape &src = shape(layer_->inputs[0]), &dst = shape(layer_->output);
  const auto operands = [&](const Kernel& kernel) {
    std::vector<Operand> list{
        operand(DNNL_ARG_SRC, as(layer_->inputs[0], kernel.src)),
        {DNNL_ARG_WEIGHTS, 0, nullptr, &weights_.convolution_kernel(network_, *layer_, kernel.weights)}};
    if (has_bias(op)) {
      list.push_back({DNNL_ARG_BIAS, 0, nullptr, &weights_.convolution_bias(network_, *layer_, kernel.bias)});
    }
    return list;
  };
  const auto kernel = [&](const FusedOps& fused) { return kernels_.convolution(op, src, dst, fused); };
  const Value result = with_post_ops(kernel, operands, true);
  const Layout row_major = layouts_.plain(dst.dims);
  return eager_ && result.layout != row_major ? reordered(result, row_major) : result;
}

Value Planner::compute(const BatchNorm& op) {
  const Value src = newest(layer_->inputs[0]);
  const auto norm = weights_.batch_norm(*layer_, shape(layer_->inputs[0]).channels());
  const auto operands = [&](const Kernel&) -> std::vector<Operand> {
    return {operand(DNNL_ARG_SRC, src),
            {DNNL_ARG_SCALE, 0, nullptr, norm.scale},
            {DNNL_ARG_SHIFT, 0, nullptr, norm.shift},
            {DNNL_ARG_MEAN, 0, nullptr, norm.mean},
            {DNNL_ARG_VARIANCE, 0, nullptr, norm.variance}};
  };
  return with_post_ops([&](const FusedOps& fused) { return kernels_.batch_norm(op, src.layout, fused); }, operands);
}

Value Planner::compute(const GlobalAveragePool&) {
  const Shape& src = shape(layer_->inputs[0]);
  if (src.height() != src.width()) throw refused("windows are square");
  return pool({.kernel = src.height()});
}

Value Planner::pool(const AveragePool& op) {
  const Value src = newest(layer_->inputs[0]);
  const Shape& dst = shape(layer_->output);
  return with_post_ops([&](const FusedOps& fused) { return kernels_.pool(op, src.layout, dst, fused); }, source(src));
}

Value Planner::compute(const Activation& op) {
  const Value src = rows(layer_->inputs[0]);
  return with_post_ops([&](const FusedOps& fused) { return kernels_.activation(op.kind, src.layout, fused); },
                       source(src));
}

Value Planner::compute(const Affine& op) {
  if (layer_->inputs.empty()) {
    const Resident& filled = weights_.constant(static_cast<float>(op.shift), dims(layer_->output));
    return apply_separately({layouts_.plain(dims(layer_->output)), 0, &filled});
  }
  const Value src = rows(layer_->inputs[0]);
  const Layouts::Dims one(src.layout->get_dims().size(), 1);
  const Kernel* const product = op.shift == 0 ? kernels_.multiply(src.layout, layouts_.plain(one), {}) : nullptr;
  if (layer_->post_ops.empty() || product == nullptr || product->slow) {
    return with_post_ops([&](const FusedOps& fused) { return kernels_.affine(op, src.layout, fused); }, source(src));
  }
  // Element-wise functions take no additions, products by a scalar tensor do.
  const Resident& factor = weights_.constant(static_cast<float>(op.scale), one);
  const auto operands = [&](const Kernel&) -> std::vector<Operand> {
    return {operand(DNNL_ARG_SRC_0, src), {DNNL_ARG_SRC_1, 0, nullptr, &factor}};
  };
  const auto kernel = [&](const FusedOps& fused) { return kernels_.multiply(src.layout, layouts_.plain(one), fused); };
  return with_post_ops(kernel, operands);
}

Value Planner::compute(const Add&) {
  const Value src = rows(layer_->inputs[0]), addend = as(layer_->inputs[1], src.layout);
  const auto operands = [&](const Kernel&) -> std::vector<Operand> {
    return {operand(DNNL_ARG_SRC_0, src), operand(DNNL_ARG_SRC_1, addend)};
  };
  return with_post_ops([&](const FusedOps& fused) { return kernels_.add(src.layout, addend.layout, fused); }, operands);
}

/// Where the library has a fast shuffle for this layout, that; else a transposition of groups and their channels, which
/// is a reorder between two views and what frameworks do.
Value Planner::compute(const ChannelShuffle& op) {
  const Value src = newest(layer_->inputs[0]);
  const Kernel* const kernel = kernels_.shuffle(op, src.layout);
  const bool strided = src.layout->get_inner_nblks() == 0;
  if (kernel != nullptr && (!kernel->slow || !strided)) {
    return emit(*kernel, {operand(DNNL_ARG_SRC, src)}, destination(*kernel));
  }
  if (!strided) throw refused("no implementation");
  const Layouts::Dims extents = src.layout->get_dims(), s = src.layout->get_strides();
  const std::int64_t in_group = extents[1] / op.groups;
  const Layouts::Dims view{extents[0], op.groups, in_group, extents[2], extents[3]};
  Value from = src, to = new_value(src.layout);
  const Value made = to;
  from.layout = layouts_.strided(view, {s[0], in_group * s[1], s[1], s[2], s[3]});
  to.layout = layouts_.strided(view, {s[0], s[1], op.groups * s[1], s[2], s[3]});
  copy(from, to);
  return made;
}

Value Planner::compute(const ChannelScale&) {
  const Value src = newest(layer_->inputs[0]);
  const Layouts::Dims factor_dims = shape(layer_->inputs[1]).dims;
  Value factors = relabelled(newest(layer_->inputs[1]), factor_dims);
  if (factors.layout != layouts_.plain(factor_dims)) factors = as(layer_->inputs[1], layouts_.plain(factor_dims));
  const auto operands = [&](const Kernel&) -> std::vector<Operand> {
    return {operand(DNNL_ARG_SRC_0, src), operand(DNNL_ARG_SRC_1, factors)};
  };
  return with_post_ops([&](const FusedOps& fused) { return kernels_.multiply(src.layout, factors.layout, fused); },
                       operands);
}

}  // namespace naslat::onednn
