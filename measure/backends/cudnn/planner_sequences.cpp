// What each operation on sequences becomes. Slices and heads are views: nothing is copied that the mathematics does not
// copy, except where an operation wants its tokens one behind the other.

#include <fmt/format.h>

#include <cmath>

#include "measure/backends/cudnn/planner.hpp"

namespace naslat::cudnn {

namespace {

/// Elements from row to row where all tokens of all sequences are equally far apart; nothing where they are not.
std::optional<Index> row_stride(const SequenceStrides& strides, const Shape& shape) {
  if (shape.dims[1] == 1) return strides.sequence;
  const bool even = shape.dims[0] == 1 || strides.sequence == strides.token * static_cast<Index>(shape.dims[1]);
  return even ? std::optional(strides.token) : std::nullopt;
}

}  // namespace

Value Planner::compute(const Linear& op) {
  const Shape& in = src_shape();
  const std::int64_t features = linear_in_features(in);
  MatmulCall call{.rows = in.elements() / features,
                  .in = features,
                  .out = op.out_features,
                  .src_stride = features,
                  .bias = op.bias};
  Operands operands{};
  const std::optional<Index> stride = in.dims.size() == 3 ? row_stride(value(0).strides, in) : std::nullopt;
  if (stride) {
    operands[1] = value(0).operand;
    call.src_stride = *stride;
  } else {
    operands[1] = src();
  }
  const bool flattens_map = in.dims.size() == 4 && in.height() * in.width() > 1;
  const std::string key =
      fmt::format("{} {}x{} {} {}{}", layer_->weights_name(), op.out_features, features, op.tied_to, op.table_width,
                  flattens_map ? fmt::format(" {}x{}", in.height(), in.width()) : "");
  operands[2] = weights(Weights::Part::linear_kernel, key, flattens_map && options_.channels_last);
  if (op.bias) operands[3] = weights(Weights::Part::linear_bias, key);
  if (const auto end = epilogue()) {
    operands[4] = end->addend;
    call.add = end->addend.kind != Operand::Kind::none;
    call.relu = end->relu;
    return emit_new(call, operands);
  }
  const Value made = emit_new(call, operands);
  finish(made, layer_->post_ops);
  return made;
}

Value Planner::compute(const TokenEmbedding& op) {
  const Embedding kernel{.count = elements(shape(layer_->output)),
                         .width = static_cast<Index>(op.width),
                         .table_width = static_cast<Index>(op.table_width),
                         .tokens = static_cast<Index>(op.tokens),
                         .first_token = static_cast<Index>(op.first_token),
                         .sequence_tokens = static_cast<Index>(src_shape().dims[1]),
                         .repeats = static_cast<Index>(op.repeats),
                         .scale = std::sqrt(static_cast<float>(op.width))};
  const std::string table = fmt::format("{} {}x{}", op.table, op.vocabulary, op.table_width);
  const std::string positions = fmt::format("{} {} {} {}", op.first_token, op.tokens, op.width, op.table_width);
  return emit_new(kernel, {Operand{}, src(), weights(Weights::Part::embedding_table, table),
                           weights(Weights::Part::positions, positions)});
}

Value Planner::compute(const LayerNorm& op) {
  const Shape& in = src_shape();
  const Normalisation kernel{.rows = elements(in) / static_cast<Index>(in.dims.back()),
                             .features = static_cast<Index>(in.dims.back()),
                             .epsilon = static_cast<float>(op.epsilon)};
  const std::string key = fmt::format("{} {}", layer_->weights_name(), in.dims.back());
  return emit_new(kernel, {Operand{}, src(), weights(Weights::Part::layer_norm_scale, key),
                           weights(Weights::Part::layer_norm_shift, key)});
}

Value Planner::compute(const Concat&) {
  const Shape& out = shape(layer_->output);
  const Concatenation kernel{.count = elements(out),
                             .first_tokens = static_cast<Index>(src_shape(0).dims[1]),
                             .tokens = static_cast<Index>(out.dims[1]),
                             .features = static_cast<Index>(out.dims[2]),
                             .first = value(0).strides,
                             .second = value(1).strides};
  return emit_new(kernel, {Operand{}, value(0).operand, value(1).operand});
}

Value Planner::compute(const Slice& op) {
  if (src_shape().dims.size() != 3) throw refused("slices are cut from sequences");
  Value view = value(0);
  view.operand.offset += static_cast<std::size_t>(op.first);
  return view;
}

Value Planner::compute(const Repeat& op) {
  const Shape& out = shape(layer_->output);
  const Copying kernel{.count = elements(out),
                       .tokens = static_cast<Index>(out.dims[1]),
                       .features = static_cast<Index>(out.dims[2]),
                       .repeats = static_cast<Index>(op.times),
                       .src = value(0).strides};
  return emit_new(kernel, {Operand{}, value(0).operand});
}

Value Planner::compute(const AttentionScores& op) {
  const Shape &queries = src_shape(0), &keys = src_shape(1);
  const std::int64_t head_width = queries.dims[2] / op.heads;
  const Scores kernel{.rows = elements(shape(layer_->output)),
                      .heads = static_cast<Index>(op.heads),
                      .tokens = static_cast<Index>(queries.dims[1]),
                      .length = static_cast<Index>(keys.dims[1]),
                      .head_width = static_cast<Index>(head_width),
                      .queries = value(0).strides,
                      .keys = value(1).strides,
                      .scale = 1 / std::sqrt(static_cast<float>(head_width))};
  return emit_new(kernel, {Operand{}, value(0).operand, value(1).operand});
}

Value Planner::compute(const Softmax&) {
  const auto length = static_cast<Index>(src_shape().dims.back());
  return emit_new(SoftmaxRows{.rows = elements(src_shape()) / length, .length = length}, {Operand{}, src()});
}

Value Planner::compute(const AttentionContext&) {
  const Shape &scores = src_shape(0), &out = shape(layer_->output);
  const Context kernel{.count = elements(out),
                       .heads = static_cast<Index>(scores.dims[1]),
                       .tokens = static_cast<Index>(scores.dims[2]),
                       .length = static_cast<Index>(scores.dims[3]),
                       .head_width = static_cast<Index>(out.dims[2] / scores.dims[1]),
                       .values = value(1).strides};
  return emit_new(kernel, {Operand{}, src(0), value(1).operand});
}

}  // namespace naslat::cudnn
