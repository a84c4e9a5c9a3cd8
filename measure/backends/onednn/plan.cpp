#include "measure/backends/onednn/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "configs/errors.hpp"
#include "spaces/passes.hpp"

namespace naslat::onednn {

namespace {

/// One tensor in one layout.
struct Value {
  Layout layout = nullptr;
  BufferId buffer = 0;
  const Resident* resident = nullptr;
};

class Planner {
 public:
  Planner(const Network& network, bool every_op_alone, const Caches& caches)
      : network_(network),
        eager_(every_op_alone),
        layouts_(caches.layouts),
        kernels_(caches.kernels),
        weights_(caches.weights),
        values_(network.tensors.size()),
        last_reader_(network.tensors.size(), -1),
        constant_layer_(constant_layers(network)) {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      for (const TensorId tensor : reads(network_.layers[i])) last_reader_[tensor] = static_cast<int>(i);
    }
    last_reader_[network_.input] = last_reader_[network_.output] = kForever;
  }

  Plan run() {
    const Shape& input = network_.tensors[network_.input];
    values_[network_.input] = {{layouts_.plain(input.dims), 0, &weights_.input(input)}};
    for (index_ = 0; index_ < network_.layers.size(); ++index_) {
      layer_ = &network_.layers[index_];
      once_ = constant_layer_[index_];
      const Value result = std::visit([&](const auto& op) { return compute(op); }, layer_->op);
      values_[layer_->output].push_back(result);
    }
    const Value output = as(network_.output, layouts_.plain(network_.tensors[network_.output].dims));
    if (output.resident == nullptr) plan_.buffers[output.buffer].last_step = kForever;
    plan_.output = operand(DNNL_ARG_DST, output);
    return std::move(plan_);
  }

 private:
  using MakeKernel = std::function<const Kernel*(const FusedOps&)>;

  // ---- one function per operation: its kernel and its operands besides the destination

  Value compute(const Convolution& op) {
    const Shape &src = network_.tensors[layer_->inputs[0]], &dst = network_.tensors[layer_->output];
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

  Value compute(const Linear& op) {
    const Value src = flattened(newest(layer_->inputs[0]));
    const auto operands = [&](const Kernel& kernel) {
      std::vector<Operand> list{
          operand(DNNL_ARG_SRC, src),
          {DNNL_ARG_WEIGHTS, 0, nullptr, &weights_.linear_kernel(network_, *layer_, kernel.weights)}};
      if (op.bias) list.push_back({DNNL_ARG_BIAS, 0, nullptr, &weights_.linear_bias(network_, *layer_, kernel.bias)});
      return list;
    };
    return with_post_ops([&](const FusedOps& fused) { return kernels_.linear(op, src.layout, fused); }, operands, true);
  }

  Value compute(const BatchNorm& op) {
    const Value src = newest(layer_->inputs[0]);
    const auto norm = weights_.batch_norm(*layer_, network_.tensors[layer_->inputs[0]].channels());
    const auto operands = [&](const Kernel&) -> std::vector<Operand> {
      return {operand(DNNL_ARG_SRC, src),
              {DNNL_ARG_SCALE, 0, nullptr, norm.scale},
              {DNNL_ARG_SHIFT, 0, nullptr, norm.shift},
              {DNNL_ARG_MEAN, 0, nullptr, norm.mean},
              {DNNL_ARG_VARIANCE, 0, nullptr, norm.variance}};
    };
    return with_post_ops([&](const FusedOps& fused) { return kernels_.batch_norm(op, src.layout, fused); }, operands);
  }

  Value compute(const AveragePool& op) { return pool(op); }
  Value compute(const GlobalAveragePool&) {
    const Shape& src = network_.tensors[layer_->inputs[0]];
    if (src.height() != src.width()) throw refused("windows are square");
    return pool({.kernel = src.height()});
  }
  Value pool(const AveragePool& op) {
    const Value src = newest(layer_->inputs[0]);
    const Shape& dst = network_.tensors[layer_->output];
    return with_post_ops([&](const FusedOps& fused) { return kernels_.pool(op, src.layout, dst, fused); }, source(src));
  }

  Value compute(const Activation&) {
    const Value src = newest(layer_->inputs[0]);
    return with_post_ops([&](const FusedOps& fused) { return kernels_.relu(src.layout, fused); }, source(src));
  }

  Value compute(const Affine& op) {
    if (layer_->inputs.empty()) return apply_separately(fill(static_cast<float>(op.shift)));
    const Value src = newest(layer_->inputs[0]);
    const Kernel* const product = op.shift == 0 ? kernels_.scale(src.layout, {}) : nullptr;
    if (layer_->post_ops.empty() || product == nullptr || product->slow) {
      return with_post_ops([&](const FusedOps& fused) { return kernels_.affine(op, src.layout, fused); }, source(src));
    }
    // Element-wise functions take no additions, products by a scalar tensor do.
    const Resident& factor = weights_.scalar(static_cast<float>(op.scale), src.layout->get_dims().size());
    const auto operands = [&](const Kernel&) -> std::vector<Operand> {
      return {operand(DNNL_ARG_SRC_0, src), {DNNL_ARG_SRC_1, 0, nullptr, &factor}};
    };
    return with_post_ops([&](const FusedOps& fused) { return kernels_.scale(src.layout, fused); }, operands);
  }

  Value compute(const Add&) {
    const Value src = newest(layer_->inputs[0]), addend = as(layer_->inputs[1], src.layout);
    const auto operands = [&](const Kernel&) -> std::vector<Operand> {
      return {operand(DNNL_ARG_SRC_0, src), operand(DNNL_ARG_SRC_1, addend)};
    };
    return with_post_ops([&](const FusedOps& fused) { return kernels_.add(src.layout, addend.layout, fused); },
                         operands);
  }

  // ---- post-ops

  using MakeOperands = std::function<std::vector<Operand>(const Kernel&)>;

  MakeOperands source(const Value& src) {
    return [this, src](const Kernel&) -> std::vector<Operand> { return {operand(DNNL_ARG_SRC, src)}; };
  }

  /// The layer's kernel with as many of its post-ops inside as the library allows at full speed: all of them, with the
  /// addend that dies here overwritten in place if `can_sum`, or none.
  Value with_post_ops(const MakeKernel& make, const MakeOperands& operands, bool can_sum = false) {
    const Kernel* const bare = make({});
    if (bare == nullptr) throw refused("no implementation");
    if (layer_->post_ops.empty()) return emit(*bare, operands(*bare), destination(*bare));
    if (can_sum) {
      if (const auto sum = in_place_sum(make, *bare)) return emit_fused(*sum->kernel, operands, sum->destination);
    }
    if (const Kernel* const fused = separate_addends(make, *bare)) {
      return emit_fused(*fused, operands, destination(*fused));
    }
    plan_.notes.push_back(fmt::format("layer '{}': post-ops refused, executed separately", layer_->name));
    return apply_separately(emit(*bare, operands(*bare), destination(*bare)));
  }

  static bool acceptable(const Kernel* kernel, const Kernel& bare) {
    return kernel != nullptr && (!kernel->slow || bare.slow);
  }

  struct InPlaceSum {
    const Kernel* kernel;
    Value destination;
  };
  /// The kernel that adds onto its first addend's own memory, if nobody needs that any more and layouts agree.
  std::optional<InPlaceSum> in_place_sum(const MakeKernel& make, const Kernel& bare) {
    const auto* const first = std::get_if<PostAdd>(&layer_->post_ops.front());
    if (first == nullptr || !dies_here(first->tensor)) return std::nullopt;
    const Value addend = newest(first->tensor);
    FusedOps fused = fused_ops(addend.layout);
    fused.front() = {FusedOp::Kind::sum};
    const Kernel* const kernel = make(fused);
    if (!acceptable(kernel, bare) || kernel->dst != addend.layout) return std::nullopt;
    sum_in_place_ = true;
    return InPlaceSum{kernel, addend};
  }

  /// The kernel that reads its addends from memory of their own, reordered to its destination's layout if need be.
  const Kernel* separate_addends(const MakeKernel& make, const Kernel& bare) {
    sum_in_place_ = false;
    const Kernel* kernel = make(fused_ops(bare.dst));
    if (kernel != nullptr && kernel->dst != bare.dst) kernel = make(fused_ops(kernel->dst));
    return acceptable(kernel, bare) ? kernel : nullptr;
  }

  [[nodiscard]] FusedOps fused_ops(Layout addend) const {
    FusedOps fused;
    for (const PostOp& op : layer_->post_ops) {
      const bool adds = std::holds_alternative<PostAdd>(op);
      fused.push_back(adds ? FusedOp{FusedOp::Kind::add, addend} : FusedOp{FusedOp::Kind::relu});
    }
    return fused;
  }

  Value emit_fused(const Kernel& kernel, const MakeOperands& operands, const Value& dst) {
    std::vector<Operand> list = operands(kernel);
    for (std::size_t i = sum_in_place_ ? 1 : 0; i < layer_->post_ops.size(); ++i) {
      if (const auto* add = std::get_if<PostAdd>(&layer_->post_ops[i])) {
        const int argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(static_cast<int>(i)) | DNNL_ARG_SRC_1;
        list.push_back(operand(argument, as(add->tensor, kernel.dst)));
      }
    }
    sum_in_place_ = false;
    return emit(kernel, std::move(list), dst);
  }

  Value apply_separately(Value x) {
    for (const PostOp& op : layer_->post_ops) {
      if (const auto* add = std::get_if<PostAdd>(&op)) {
        const Value addend = as(add->tensor, x.layout);
        const Kernel* const kernel = kernels_.add(x.layout, addend.layout, {});
        if (kernel == nullptr) throw refused("no separate addition");
        x = emit(*kernel, {operand(DNNL_ARG_SRC_0, x), operand(DNNL_ARG_SRC_1, addend)}, x);
      } else {
        const Kernel* const kernel = kernels_.relu(x.layout, {});
        if (kernel == nullptr) throw refused("no separate activation");
        x = emit(*kernel, {operand(DNNL_ARG_SRC, x)}, x);
      }
    }
    return x;
  }

  // ---- values and buffers

  [[nodiscard]] const Value& newest(TensorId tensor) const { return values_[tensor].front(); }

  /// The tensor in a layout, reordered if it is not at hand in it. Eager keeps no reordered copies.
  Value as(TensorId tensor, Layout layout) {
    for (const Value& value : values_[tensor]) {
      if (value.layout == layout) return value;
    }
    const bool layer_once = std::exchange(once_, is_constant(newest(tensor)));
    const Value copy = reordered(newest(tensor), layout);
    once_ = layer_once;
    if (!eager_) values_[tensor].push_back(copy);
    return copy;
  }

  Value reordered(const Value& value, Layout layout) {
    const Kernel* const kernel = kernels_.reorder(value.layout, layout);
    if (kernel == nullptr) throw refused("no reorder between layouts");
    return emit(*kernel, {operand(DNNL_ARG_FROM, value)}, new_value(layout));
  }

  /// N×C×1×1 as N×C where memory allows, which most kernels prefer.
  Value flattened(Value value) {
    const auto dims = value.layout->get_dims();
    const bool is_vector = dims.size() == 4 && dims[2] == 1 && dims[3] == 1 && is_dense(value.layout);
    if (is_vector) value.layout = layouts_.plain({dims[0], dims[1]});
    return value;
  }

  [[nodiscard]] bool is_constant(const Value& value) const {
    return value.resident == nullptr && plan_.constant[value.buffer];
  }

  /// Whether the tensor's memory may be overwritten by this layer's result: read here once and never again.
  [[nodiscard]] bool dies_here(TensorId tensor) const {
    const auto here = reads(*layer_);
    return last_reader_[tensor] == static_cast<int>(index_) && std::count(here.begin(), here.end(), tensor) == 1 &&
           newest(tensor).resident == nullptr && !is_constant(newest(tensor));
  }

  Value new_value(Layout layout) {
    plan_.buffers.push_back({layout->get_size(), once_ ? 0 : step(), once_ ? kForever : step()});
    plan_.constant.push_back(once_);
    return {layout, plan_.buffers.size() - 1, nullptr};
  }

  /// Element-wise layers overwrite their operand where it dies; others get memory of their own.
  [[nodiscard]] Value destination(const Kernel& kernel) const {
    const bool elementwise = std::holds_alternative<Activation>(layer_->op) ||
                             std::holds_alternative<Add>(layer_->op) || std::holds_alternative<Affine>(layer_->op) ||
                             std::holds_alternative<BatchNorm>(layer_->op);
    if (!eager_ && elementwise && dies_here(layer_->inputs[0]) && newest(layer_->inputs[0]).layout == kernel.dst) {
      return newest(layer_->inputs[0]);
    }
    return {kernel.dst, kUnassigned, nullptr};
  }

  Value fill(float value) {
    const Value filled = new_value(layouts_.plain(network_.tensors[layer_->output].dims));
    plan_.fills.push_back({filled.buffer, value});
    return filled;
  }

  // ---- steps

  [[nodiscard]] int step() const { return static_cast<int>(plan_.steps.size()); }

  [[nodiscard]] static Operand operand(int argument, const Value& value) {
    return {argument, value.buffer, value.layout, value.resident};
  }

  /// Appends a step. Its destination comes to life here if it has no memory yet.
  Value emit(const Kernel& kernel, std::vector<Operand> operands, Value dst) {
    if (dst.buffer == kUnassigned) dst = new_value(dst.layout);
    operands.push_back(operand(DNNL_ARG_DST, dst));
    if (!once_) {
      for (const Operand& operand : operands) {
        if (operand.resident != nullptr) continue;
        int& last_step = plan_.buffers[operand.buffer].last_step;
        last_step = std::max(last_step, step());
      }
    }
    if (kernel.slow) plan_.notes.push_back(fmt::format("layer '{}': slow kernel: {}", layer_->name, kernel.name));
    (once_ ? plan_.once : plan_.steps).push_back({&kernel, std::move(operands)});
    return dst;
  }

  [[nodiscard]] Unsupported refused(const std::string& what) const {
    return Unsupported(fmt::format("onednn: layer '{}' ({}): {}", layer_->name, describe(layer_->op), what));
  }

  static constexpr BufferId kUnassigned = static_cast<BufferId>(-1);

  const Network& network_;
  const bool eager_;
  Layouts& layouts_;
  Kernels& kernels_;
  WeightStore& weights_;
  std::vector<std::vector<Value>> values_;  // by tensor: as it was made, then its reordered copies
  std::vector<int> last_reader_;            // layer, by tensor
  std::vector<bool> constant_layer_;
  Plan plan_;

  std::size_t index_ = 0;  // the layer at hand
  const Layer* layer_ = nullptr;
  bool once_ = false, sum_in_place_ = false;
};

}  // namespace

Plan make_plan(const Network& network, bool every_op_alone, const Caches& caches) {
  return Planner(network, every_op_alone, caches).run();
}

}  // namespace naslat::onednn
