#include "measure/backends/onednn/planner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "spaces/passes.hpp"

namespace naslat::onednn {

Planner::Planner(const Network& network, bool every_op_alone, const Caches& caches)
    : network_(network),
      eager_(every_op_alone),
      layouts_(caches.layouts),
      kernels_(caches.kernels),
      weights_(caches.weights),
      values_(network.tensors.size()),
      last_reader_(network.tensors.size(), -1),
      constant_layer_(constant_layers(network)),
      shares_memory_(network.tensors.size()) {
  for (std::size_t i = 0; i < network_.layers.size(); ++i) {
    const Layer& layer = network_.layers[i];
    for (const TensorId tensor : reads(layer)) last_reader_[tensor] = static_cast<int>(i);
    if (std::holds_alternative<Slice>(layer.op)) shares_memory_[layer.inputs[0]] = shares_memory_[layer.output] = true;
    if (std::holds_alternative<Concat>(layer.op)) shares_memory_[layer.output] = true;
  }
  last_reader_[network_.input] = last_reader_[network_.output] = kForever;
  find_growing_caches();
}

Plan Planner::run() {
  const TensorId input = network_.input;
  const Resident& resident = weights_.input(network_);
  values_[input] = {{layouts_.plain_f32(shape(input).dims), 0, &resident}};
  std::vector<std::size_t> first_step_of_layer;
  for (index_ = 0; index_ < network_.layers.size(); ++index_) {
    first_step_of_layer.push_back(plan_.steps.size());
    layer_ = &network_.layers[index_];
    once_ = constant_layer_[index_];
    const Value result = std::visit([&](const auto& op) { return compute(op); }, layer_->op);
    values_[layer_->output].push_back(result);
  }
  const Value output = as(network_.output, layouts_.plain_f32(dims(network_.output)));
  if (output.resident == nullptr) plan_.buffers[output.buffer].last_step = kForever;
  plan_.output = operand(DNNL_ARG_DST, output);
  first_step_of_layer.push_back(plan_.steps.size());
  plan_blocks(first_step_of_layer);
  return std::move(plan_);
}

// ---- post-ops

Planner::MakeOperands Planner::source(const Value& src) {
  return [src](const Kernel&) -> std::vector<Operand> { return {operand(DNNL_ARG_SRC, src)}; };
}

Value Planner::with_post_ops(const MakeKernel& make, const MakeOperands& operands, bool can_sum) {
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

namespace {
bool acceptable(const Kernel* kernel, const Kernel& bare) { return kernel != nullptr && (!kernel->slow || bare.slow); }
}  // namespace

std::optional<Planner::InPlaceSum> Planner::in_place_sum(const MakeKernel& make, const Kernel& bare) {
  const auto* const first = std::get_if<PostAdd>(&layer_->post_ops.front());
  if (first == nullptr || !dies_here(first->tensor)) return std::nullopt;
  const Value addend = newest(first->tensor);
  FusedOps fused = fused_ops(*layer_, addend.layout);
  fused.front() = {.kind = FusedOp::Kind::sum};
  const Kernel* const kernel = make(fused);
  if (!acceptable(kernel, bare) || kernel->dst != addend.layout) return std::nullopt;
  sum_in_place_ = true;
  return InPlaceSum{kernel, addend};
}

const Kernel* Planner::separate_addends(const MakeKernel& make, const Kernel& bare) {
  sum_in_place_ = false;
  const Kernel* kernel = make(fused_ops(*layer_, bare.dst));
  if (kernel != nullptr && kernel->dst != bare.dst) kernel = make(fused_ops(*layer_, kernel->dst));
  return acceptable(kernel, bare) ? kernel : nullptr;
}

FusedOps Planner::fused_ops(const Layer& layer, Layout addend) {
  FusedOps fused;
  for (const PostOp& op : layer.post_ops) {
    if (const auto* activation = std::get_if<PostActivation>(&op)) {
      fused.push_back({.kind = FusedOp::Kind::activation, .activation = activation->kind});
    } else {
      fused.push_back({.kind = FusedOp::Kind::add, .addend = addend});
    }
  }
  return fused;
}

Value Planner::emit_fused(const Kernel& kernel, const MakeOperands& operands, const Value& dst) {
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

Value Planner::apply_separately(Value x) {
  const auto in_place = [](const Value& value) {
    return value.resident == nullptr ? value : Value{value.layout, kUnassigned, nullptr};
  };
  for (const PostOp& op : layer_->post_ops) {
    if (const auto* add = std::get_if<PostAdd>(&op)) {
      const Value addend = as(add->tensor, x.layout);
      const Kernel* const kernel = kernels_.add(x.layout, addend.layout, {});
      if (kernel == nullptr) throw refused("no separate addition");
      x = emit(*kernel, {operand(DNNL_ARG_SRC_0, x), operand(DNNL_ARG_SRC_1, addend)}, in_place(x));
    } else {
      const Kernel* const kernel = kernels_.activation(std::get<PostActivation>(op).kind, x.layout, {});
      if (kernel == nullptr) throw refused("no separate activation");
      x = emit(*kernel, {operand(DNNL_ARG_SRC, x)}, in_place(x));
    }
  }
  return x;
}

// ---- values and buffers

Layouts::Dims Planner::dims(TensorId tensor) const {
  const Layouts::Dims& extents = shape(tensor).dims;
  return extents.size() == 3 ? Layouts::Dims{extents[0] * extents[1], extents[2]} : extents;
}

Value Planner::as(TensorId tensor, Layout layout) {
  for (const Value& value : values_[tensor]) {
    if (value.layout == layout) return value;
  }
  const bool layer_once = std::exchange(once_, is_constant(tensor));
  Value from = newest(tensor);
  if (from.layout->get_ndims() == 3) from = as_rows(from, shape(tensor));
  const Value copy = from.layout == layout ? from : reordered(from, layout);
  once_ = layer_once;
  if (!eager_) values_[tensor].push_back(copy);
  return copy;
}

Value Planner::reordered(const Value& value, Layout layout) {
  const Kernel* const kernel = kernels_.reorder(value.layout, layout);
  if (kernel == nullptr) throw refused("no reorder between layouts");
  return emit(*kernel, {operand(DNNL_ARG_FROM, value)}, new_value(layout));
}

Value Planner::relabelled(Value value, const Layouts::Dims& dims) {
  const auto known = value.layout->get_dims();
  const bool is_vector = known.size() == 4 && known[2] == 1 && known[3] == 1 && is_dense(value.layout);
  if (is_vector) value.layout = layouts_.plain(dims);
  return value;
}

bool Planner::dies_here(TensorId tensor) const {
  const auto here = reads(*layer_);
  return last_reader_[tensor] == static_cast<int>(index_) && std::count(here.begin(), here.end(), tensor) == 1 &&
         !shares_memory_[tensor] && newest(tensor).resident == nullptr && !is_constant(tensor);
}

Value Planner::new_value(Layout layout) {
  plan_.buffers.push_back({layout->get_size(), once_ ? 0 : step(), once_ ? kForever : step()});
  plan_.constant.push_back(once_);
  return {layout, plan_.buffers.size() - 1, nullptr};
}

namespace {
/// Whether a kernel of the operation may write over its first operand.
bool works_in_place(const Op& op) {
  return std::holds_alternative<Activation>(op) || std::holds_alternative<Add>(op) ||
         std::holds_alternative<Affine>(op) || std::holds_alternative<BatchNorm>(op) ||
         std::holds_alternative<ChannelScale>(op);
}
}  // namespace

Value Planner::destination(const Kernel& kernel) const {
  if (!eager_ && works_in_place(layer_->op) && dies_here(layer_->inputs[0]) &&
      newest(layer_->inputs[0]).layout == kernel.dst) {
    return newest(layer_->inputs[0]);
  }
  return {kernel.dst, kUnassigned, nullptr};
}

// ---- steps

Value Planner::emit(const Kernel& kernel, std::vector<Operand> operands, Value dst) {
  if (dst.buffer == kUnassigned) {
    const Value made = new_value(dst.layout);
    dst.buffer = made.buffer;
  }
  operands.push_back(operand(DNNL_ARG_DST, dst));
  if (kernel.slow) plan_.notes.push_back(fmt::format("layer '{}': slow kernel: {}", layer_->name, kernel.name));
  append_step({&kernel, std::move(operands)});
  return dst;
}

void Planner::append_step(Step step) {
  if (!once_) {
    for (const Operand& operand : step.operands) {
      if (operand.resident != nullptr) continue;
      int& last_step = plan_.buffers[operand.buffer].last_step;
      last_step = std::max(last_step, this->step());
    }
  }
  (once_ ? plan_.once : plan_.steps).push_back(std::move(step));
}

/// The network's blocks in steps. Steps between blocks belong to the one before, those before the first to the first.
void Planner::plan_blocks(const std::vector<std::size_t>& first_step_of_layer) {
  for (const Block& block : executed_blocks(network_)) {
    plan_.blocks.push_back({block_info(network_, block, constant_layer_), first_step_of_layer[block.first_layer], 0});
  }
  plan_.blocks.front().first_step = 0;
  std::size_t end = plan_.steps.size();
  for (auto block = plan_.blocks.rbegin(); block != plan_.blocks.rend(); ++block) {
    block->step_count = end - block->first_step;
    end = block->first_step;
  }
}

Unsupported Planner::refused(const std::string& what) const {
  return Unsupported(fmt::format("onednn: layer '{}' ({}): {}", layer_->name, describe(layer_->op), what));
}

Plan make_plan(const Network& network, bool every_op_alone, const Caches& caches) {
  return Planner(network, every_op_alone, caches).run();
}

}  // namespace naslat::onednn
