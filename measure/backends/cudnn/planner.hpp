#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/plan.hpp"

namespace naslat::cudnn {

/// A tensor in memory. Sequences N×T×F may be views: their features are neighbours, their tokens need not be.
struct Value {
  Operand operand;
  SequenceStrides strides{};  ///< of sequences
};

/// Turns a network into a plan, layer by layer: planner.cpp knows values, post-ops and steps, planner_images.cpp and
/// planner_sequences.cpp the operations.
class Planner {
 public:
  Planner(const Network& network, const PlanOptions& options);
  Plan run();

 private:
  // ---- one function per operation; the result

  Value compute(const Convolution& op);
  Value compute(const BatchNorm& op);
  Value compute(const Activation& op);
  Value compute(const AveragePool& op);
  Value compute(const GlobalAveragePool& op);
  Value compute(const Linear& op);
  Value compute(const Add& op);
  Value compute(const Affine& op);
  Value compute(const ChannelShuffle& op);
  Value compute(const ChannelScale& op);
  Value compute(const TokenEmbedding& op);
  Value compute(const LayerNorm& op);
  Value compute(const Concat& op);
  Value compute(const Slice& op);
  Value compute(const Repeat& op);
  Value compute(const AttentionScores& op);
  Value compute(const Softmax& op);
  Value compute(const AttentionContext& op);

  Value depthwise(const Convolution& op);

  // ---- post-ops

  /// One of our kernels, then `own` and the layer's post-ops: as many inside as it takes, the others behind it.
  template <typename Kernel>
  Value with_post_ops(Kernel kernel, Operands operands, std::vector<PostOp> own = {});
  /// A bias per channel, if there is one, and post-ops from `first` on, onto x in place.
  void finish(const Value& x, const std::vector<PostOp>& ops, std::size_t first = 0, Operand bias = {});
  /// As many of `ops` as one kernel takes, from `first` on; their addends go to their slots. Moves `first`.
  PostOps take_post_ops(const std::vector<PostOp>& ops, std::size_t& first, Operands& operands);
  /// The layer's post-ops where they are what convolution and matmul calls do: an addition, a ReLU, both, or nothing.
  struct Epilogue {
    Operand addend{};
    bool relu = false;
  };
  std::optional<Epilogue> epilogue();

  // ---- values

  [[nodiscard]] const Shape& shape(TensorId tensor) const { return network_.tensors[tensor]; }
  [[nodiscard]] const Shape& src_shape(std::size_t input = 0) const { return shape(layer_->inputs.at(input)); }
  [[nodiscard]] const Value& value(std::size_t input) const { return values_[layer_->inputs.at(input)]; }
  [[nodiscard]] Operand src(std::size_t input = 0) { return dense(layer_->inputs.at(input)).operand; }
  /// The tensor with its tokens one behind the other, copied if need be.
  Value dense(TensorId tensor);
  [[nodiscard]] Value new_value(const Shape& shape);
  [[nodiscard]] static SequenceStrides dense_strides(const Shape& shape);
  /// Data of the layer at hand. @param key  what it depends on besides the part and the order
  Operand weights(Weights::Part part, const std::string& key, bool channels_last = false);
  [[nodiscard]] Elementwise elementwise(const Shape& shape) const;
  [[nodiscard]] Windows windows(const Shape& src, const Shape& dst) const;

  // ---- steps

  /// Whether the layer at hand is computed before the first run.
  [[nodiscard]] bool once() const { return index_ < constant_layer_.size() && constant_layer_[index_]; }
  /// Appends a step; buffers live until it.
  void emit(Operation operation, const Operands& operands);
  /// The same for a kernel whose result is new memory.
  Value emit_new(Operation operation, Operands operands);
  void plan_blocks(const std::vector<std::size_t>& first_step_of_layer);
  [[nodiscard]] Unsupported refused(const std::string& what) const;
  [[nodiscard]] Index elements(const Shape& shape) const;

  const Network& network_;
  const PlanOptions options_;
  std::vector<Value> values_;  // by tensor
  std::vector<bool> constant_layer_;
  Plan plan_;

  std::size_t index_ = 0;  // the layer at hand
  const Layer* layer_ = nullptr;
};

template <typename Kernel>
Value Planner::with_post_ops(Kernel kernel, Operands operands, std::vector<PostOp> own) {
  own.insert(own.end(), layer_->post_ops.begin(), layer_->post_ops.end());
  std::size_t taken = 0;
  kernel.post_ops = take_post_ops(own, taken, operands);
  const Value made = emit_new(kernel, operands);
  finish(made, own, taken);
  return made;
}

}  // namespace naslat::cudnn
