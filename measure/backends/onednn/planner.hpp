#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "measure/backends/onednn/plan.hpp"

namespace naslat::onednn {

/// One tensor in one layout. Tensors of sequences are seen as rows of features, (N·T)×F, except caches that grow.
struct Value {
  Layout layout = nullptr;
  BufferId buffer = 0;
  const Resident* resident = nullptr;
  std::size_t offset_bytes = 0;
};

/// Turns a network into a plan, layer by layer: planner.cpp knows values, post-ops and steps, planner_images.cpp and
/// planner_sequences.cpp the operations.
class Planner {
 public:
  Planner(const Network& network, bool every_op_alone, const Caches& caches);
  Plan run();

 private:
  using MakeKernel = std::function<const Kernel*(const FusedOps&)>;
  using MakeOperands = std::function<std::vector<Operand>(const Kernel&)>;

  // ---- one function per operation: its kernels and their operands; the result

  Value compute(const Convolution& op);
  Value compute(const BatchNorm& op);
  Value compute(const Activation& op);
  Value compute(const AveragePool& op) { return pool(op); }
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

  Value pool(const AveragePool& op);

  // ---- sequences

  /// N×T×F of a value, whether it is rows or a cache that grows.
  [[nodiscard]] Value as_sequence(const Value& value, const Shape& shape);
  /// (N·T)×F of a cache, copied where it has not grown to its full length: only then do its rows follow one another.
  [[nodiscard]] Value as_rows(const Value& value, const Shape& shape);
  /// N×heads×T×(F/heads), the last two exchanged for a transposed operand.
  [[nodiscard]] Value split_heads(const Value& value, const Shape& shape, std::int64_t heads, bool transposed);
  void copy(const Value& from, const Value& to);
  /// Concatenations whose first operand was concatenated itself grow in one buffer, as long as the last of them.
  void find_growing_caches();
  struct Cache {
    Shape final;
    std::optional<BufferId> buffer{};
    std::int64_t tokens = 0;  ///< written so far
  };
  Value append(Cache& cache, TensorId tensor);

  // ---- post-ops

  MakeOperands source(const Value& src);
  /// The layer's kernel with as many of its post-ops inside as the library allows at full speed: all of them, with the
  /// addend that dies here overwritten in place if `can_sum`, or none.
  Value with_post_ops(const MakeKernel& make, const MakeOperands& operands, bool can_sum = false);
  struct InPlaceSum {
    const Kernel* kernel;
    Value destination;
  };
  /// The kernel that adds onto its first addend's own memory, if nobody needs that any more and layouts agree.
  std::optional<InPlaceSum> in_place_sum(const MakeKernel& make, const Kernel& bare);
  /// The kernel that reads its addends from memory of their own, reordered to its destination's layout if need be.
  const Kernel* separate_addends(const MakeKernel& make, const Kernel& bare);
  [[nodiscard]] static FusedOps fused_ops(const Layer& layer, Layout addend);
  Value emit_fused(const Kernel& kernel, const MakeOperands& operands, const Value& dst);
  Value apply_separately(Value x);

  // ---- values and buffers

  [[nodiscard]] const Value& newest(TensorId tensor) const { return values_[tensor].front(); }
  /// The same, but a cache as rows.
  Value rows(TensorId tensor) {
    const Value& value = newest(tensor);
    return value.layout->get_ndims() == 3 ? as(tensor, layouts_.plain(dims(tensor))) : value;
  }
  [[nodiscard]] const Shape& shape(TensorId tensor) const { return network_.tensors[tensor]; }
  /// Extents as layouts have them: rows of features for sequences.
  [[nodiscard]] Layouts::Dims dims(TensorId tensor) const;
  /// The tensor in a layout, reordered if it is not at hand in it. Eager keeps no reordered copies.
  Value as(TensorId tensor, Layout layout);
  Value reordered(const Value& value, Layout layout);
  /// N×C×1×1 as N×C, or as row-major N×C×1×1, where memory allows.
  [[nodiscard]] Value relabelled(Value value, const Layouts::Dims& dims);
  /// Known before the first run. The network's input is resident too, but reordering it is part of a run.
  [[nodiscard]] bool is_constant(TensorId tensor) const {
    const Value& value = newest(tensor);
    return value.resident != nullptr ? tensor != network_.input : plan_.constant[value.buffer];
  }
  /// Whether the tensor's memory may be overwritten by this layer's result: read here once and never again.
  [[nodiscard]] bool dies_here(TensorId tensor) const;
  Value new_value(Layout layout);
  /// Element-wise layers overwrite their operand where it dies; others get memory of their own.
  [[nodiscard]] Value destination(const Kernel& kernel) const;

  // ---- steps

  [[nodiscard]] int step() const { return static_cast<int>(plan_.steps.size()); }
  [[nodiscard]] static Operand operand(int argument, const Value& value) {
    return {argument, value.buffer, value.layout, value.resident, value.offset_bytes};
  }
  /// Appends a step. Its destination comes to life here if it has no memory yet.
  Value emit(const Kernel& kernel, std::vector<Operand> operands, Value dst);
  void append_step(Step step);
  void plan_blocks(const std::vector<std::size_t>& first_step_of_layer);
  [[nodiscard]] Unsupported refused(const std::string& what) const;

  static constexpr BufferId kUnassigned = static_cast<BufferId>(-1);

  const Network& network_;
  const bool eager_;
  Layouts& layouts_;
  Kernels& kernels_;
  WeightStore& weights_;
  std::vector<std::vector<Value>> values_;  // by tensor: as it was made, then its reordered copies
  std::vector<int> last_reader_;            // layer, by tensor
  std::vector<bool> constant_layer_;
  std::vector<bool> shares_memory_;           // by tensor: a slice, or sliced
  std::map<TensorId, std::size_t> cache_of_;  // in caches_, by a concatenation's output
  std::vector<Cache> caches_;
  Plan plan_;

  std::size_t index_ = 0;  // the layer at hand
  const Layer* layer_ = nullptr;
  bool once_ = false, sum_in_place_ = false;
};

}  // namespace naslat::onednn
