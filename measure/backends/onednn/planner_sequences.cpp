// What each operation on sequences becomes. A sequence's tokens are rows of features; slices, heads and caches are
// views of them, so that nothing is copied that the mathematics does not copy.

#include <cmath>

#include "measure/backends/onednn/planner.hpp"

namespace naslat::onednn {

Value Planner::compute(const Linear& op) {
  Value src = newest(layer_->inputs[0]);
  if (shape(layer_->inputs[0]).dims.size() == 4) {
    src = relabelled(src, {src.layout->get_dims()[0], src.layout->get_dims()[1]});
  } else {
    src = as(layer_->inputs[0], layouts_.plain(dims(layer_->inputs[0])));
  }
  const auto operands = [&](const Kernel& kernel) {
    std::vector<Operand> list{
        operand(DNNL_ARG_SRC, src),
        {DNNL_ARG_WEIGHTS, 0, nullptr, &weights_.linear_kernel(network_, *layer_, kernel.weights)}};
    if (op.bias) list.push_back({DNNL_ARG_BIAS, 0, nullptr, &weights_.linear_bias(network_, *layer_, kernel.bias)});
    return list;
  };
  return with_post_ops([&](const FusedOps& fused) { return kernels_.linear(op, src.layout, fused); }, operands, true);
}

Value Planner::compute(const TokenEmbedding& op) {
  const Value tokens = newest(layer_->inputs[0]);
  const Layouts::Dims rows = dims(layer_->output);
  const Value made = new_value(layouts_.plain_f32(rows));
  append_step({nullptr,
               {operand(DNNL_ARG_SRC, tokens),
                {DNNL_ARG_WEIGHTS, 0, nullptr, &weights_.embedding_table(op)},
                {DNNL_ARG_BIAS, 0, nullptr, &weights_.positions(op)},
                operand(DNNL_ARG_DST, made)},
               op});
  return made.layout == layouts_.plain(rows) ? made : reordered(made, layouts_.plain(rows));
}

Value Planner::compute(const LayerNorm& op) {
  const Value src = as(layer_->inputs[0], layouts_.plain(dims(layer_->inputs[0])));
  const Kernel* const kernel = kernels_.layer_norm(op, src.layout);
  if (kernel == nullptr) throw refused("no implementation");
  const auto norm = weights_.layer_norm(*layer_, shape(layer_->inputs[0]).dims.back());
  return emit(
      *kernel,
      {operand(DNNL_ARG_SRC, src), {DNNL_ARG_SCALE, 0, nullptr, norm.scale}, {DNNL_ARG_SHIFT, 0, nullptr, norm.shift}},
      destination(*kernel));
}

Value Planner::compute(const Softmax&) {
  const Value src = newest(layer_->inputs[0]);
  const Kernel* const kernel = kernels_.softmax(src.layout);
  if (kernel == nullptr) throw refused("no implementation");
  return emit(*kernel, {operand(DNNL_ARG_SRC, src)}, destination(*kernel));
}

/// A view, as frameworks cut it too.
Value Planner::compute(const Slice& op) {
  Value src = as(layer_->inputs[0], layouts_.plain(dims(layer_->inputs[0])));
  const Layouts::Dims strides = src.layout->get_strides();
  src.layout = layouts_.strided(dims(layer_->output), strides);
  src.offset_bytes += static_cast<std::size_t>(op.first) * layouts_.element_bytes();
  return src;
}

Value Planner::compute(const Repeat& op) {
  const Shape& src = shape(layer_->inputs[0]);
  const std::int64_t size = src.elements() / src.batch();
  Value from = as(layer_->inputs[0], layouts_.plain(dims(layer_->inputs[0])));
  from.layout = layouts_.plain({src.batch(), size});
  const Value made = new_value(layouts_.plain(dims(layer_->output)));
  for (std::int64_t i = 0; i < op.times; ++i) {
    Value to = made;
    to.layout = layouts_.strided({src.batch(), size}, {op.times * size, 1});
    to.offset_bytes = static_cast<std::size_t>(i * size) * layouts_.element_bytes();
    copy(from, to);
  }
  return made;
}

Value Planner::compute(const Concat&) {
  const TensorId a = layer_->inputs[0], b = layer_->inputs[1];
  if (const auto known = cache_of_.find(layer_->output); known != cache_of_.end() && !eager_) {
    Cache& cache = caches_[known->second];
    if (!cache.buffer) static_cast<void>(append(cache, a));
    return append(cache, b);
  }
  const Value first = as_sequence(newest(a), shape(a)), second = as_sequence(newest(b), shape(b));
  const Kernel* const kernel = kernels_.concat(first.layout, second.layout, layouts_.plain(shape(layer_->output).dims));
  if (kernel == nullptr) throw refused("no implementation");
  Value joined = emit(*kernel, {operand(DNNL_ARG_MULTIPLE_SRC, first), operand(DNNL_ARG_MULTIPLE_SRC + 1, second)},
                      {kernel->dst, kUnassigned, nullptr});
  joined.layout = layouts_.plain(dims(layer_->output));
  return joined;
}

Value Planner::compute(const AttentionScores& op) {
  const TensorId q = layer_->inputs[0], k = layer_->inputs[1];
  const Value queries = split_heads(newest(q), shape(q), op.heads, false);
  const Value keys = split_heads(newest(k), shape(k), op.heads, true);
  const std::int64_t head_width = shape(q).dims[2] / op.heads;
  const FusedOps scale{{.kind = FusedOp::Kind::factor, .factor = static_cast<float>(1 / std::sqrt(head_width))}};
  const Kernel* const kernel =
      kernels_.matmul(queries.layout, keys.layout, layouts_.plain(shape(layer_->output).dims), scale);
  if (kernel == nullptr) throw refused("no implementation");
  return emit(*kernel, {operand(DNNL_ARG_SRC, queries), operand(DNNL_ARG_WEIGHTS, keys)}, destination(*kernel));
}

Value Planner::compute(const AttentionContext&) {
  const TensorId p = layer_->inputs[0], v = layer_->inputs[1];
  const std::int64_t heads = shape(p).dims[1];
  const Value weights = newest(p), values = split_heads(newest(v), shape(v), heads, false);
  Value made{layouts_.plain(dims(layer_->output)), kUnassigned, nullptr};
  const Value split = split_heads(made, shape(layer_->output), heads, false);
  const Kernel* const kernel = kernels_.matmul(weights.layout, values.layout, split.layout, {});
  if (kernel == nullptr) throw refused("no implementation");
  made.buffer = emit(*kernel, {operand(DNNL_ARG_SRC, weights), operand(DNNL_ARG_WEIGHTS, values)}, split).buffer;
  return made;
}

// ---- views

Value Planner::as_sequence(const Value& value, const Shape& shape) {
  if (value.layout->get_ndims() == 3) return value;
  const std::int64_t row = value.layout->get_strides()[0];
  Value sequence = value;
  sequence.layout = layouts_.strided(shape.dims, {shape.dims[1] * row, row, 1});
  return sequence;
}

Value Planner::as_rows(const Value& value, const Shape& shape) {
  Value rows = value;
  if (value.layout == layouts_.plain(shape.dims)) {
    rows.layout = layouts_.plain({shape.dims[0] * shape.dims[1], shape.dims[2]});
    return rows;
  }
  Value dense = reordered(value, layouts_.plain(shape.dims));
  dense.layout = layouts_.plain({shape.dims[0] * shape.dims[1], shape.dims[2]});
  return dense;
}

Value Planner::split_heads(const Value& value, const Shape& shape, std::int64_t heads, bool transposed) {
  Value split = as_sequence(value, shape);
  const Layouts::Dims strides = split.layout->get_strides();
  const std::int64_t head_width = shape.dims[2] / heads;
  Layouts::Dims view{shape.dims[0], heads, shape.dims[1], head_width}, steps{strides[0], head_width, strides[1], 1};
  if (transposed) {
    std::swap(view[2], view[3]);
    std::swap(steps[2], steps[3]);
  }
  split.layout = layouts_.strided(view, steps);
  return split;
}

void Planner::copy(const Value& from, const Value& to) {
  // Between equal strides, oneDNN 3.7.2 copies what lies between the rows as well: by way of dense rows.
  const bool gaps = from.layout == to.layout && !is_dense(from.layout);
  const Value source = gaps ? reordered(from, layouts_.plain(from.layout->get_dims())) : from;
  const Kernel* const kernel = kernels_.reorder(source.layout, to.layout);
  if (kernel == nullptr) throw refused("no copy between layouts");
  static_cast<void>(emit(*kernel, {operand(DNNL_ARG_FROM, source)}, to));
}

// ---- caches

void Planner::find_growing_caches() {
  for (const Layer& layer : network_.layers) {
    if (!std::holds_alternative<Concat>(layer.op)) continue;
    const auto grown = cache_of_.find(layer.inputs[0]);
    std::size_t cache = caches_.size();
    if (grown != cache_of_.end() && caches_[grown->second].final == shape(layer.inputs[0])) {
      cache = grown->second;
    } else {
      caches_.emplace_back();
    }
    caches_[cache].final = shape(layer.output);
    cache_of_[layer.output] = cache;
  }
}

/// Behind what the cache holds already; the cache as it is then.
Value Planner::append(Cache& cache, TensorId tensor) {
  const Layouts::Dims strides = row_major_strides(cache.final.dims);
  if (!cache.buffer) cache.buffer = new_value(layouts_.plain(cache.final.dims)).buffer;
  Layouts::Dims extents = shape(tensor).dims;
  const auto offset = static_cast<std::size_t>(cache.tokens * strides[1]) * layouts_.element_bytes();
  copy(as_sequence(newest(tensor), shape(tensor)),
       {layouts_.strided(extents, strides), *cache.buffer, nullptr, offset});
  cache.tokens += extents[1];
  extents[1] = cache.tokens;
  return {layouts_.strided(extents, strides), *cache.buffer};
}

}  // namespace naslat::onednn
