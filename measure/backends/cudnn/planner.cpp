#include "measure/backends/cudnn/planner.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "spaces/passes.hpp"

namespace naslat::cudnn {

namespace {
/// Of the tokens that the network embeds; nothing where its input is an image.
std::optional<std::int64_t> vocabulary(const Network& network) {
  for (const Layer& layer : network.layers) {
    if (const auto* const op = std::get_if<TokenEmbedding>(&layer.op)) return op->vocabulary;
  }
  return std::nullopt;
}
}  // namespace

Planner::Planner(const Network& network, const PlanOptions& options)
    : network_(network), options_(options), values_(network.tensors.size()), constant_layer_(constant_layers(network)) {
  plan_.channels_last = options.channels_last;
}

Plan Planner::run() {
  const Shape& input = shape(network_.input);
  const auto tokens = vocabulary(network_);
  values_[network_.input] = {
      tokens ? weights(Weights::Part::tokens, fmt::format("{} of {}", describe(input), *tokens))
             : weights(Weights::Part::input, describe(input), options_.channels_last && input.dims.size() == 4),
      dense_strides(input)};
  std::vector<std::size_t> first_step_of_layer;
  for (index_ = 0; index_ < network_.layers.size(); ++index_) {
    first_step_of_layer.push_back(plan_.steps.size());
    layer_ = &network_.layers[index_];
    values_[layer_->output] = std::visit([&](const auto& op) { return compute(op); }, layer_->op);
  }
  plan_.output = dense(network_.output).operand;
  plan_.output_shape = shape(network_.output);
  if (plan_.output.kind == Operand::Kind::buffer) plan_.buffers[plan_.output.index].last_step = kForever;
  plan_blocks(first_step_of_layer);
  return std::move(plan_);
}

// ---- post-ops

void Planner::finish(const Value& x, const std::vector<PostOp>& ops, std::size_t first, Operand bias) {
  while (first < ops.size() || bias.kind != Operand::Kind::none) {
    Elementwise kernel = elementwise(shape(layer_->output));
    Operands operands{x.operand, x.operand};
    operands[3] = std::exchange(bias, {});
    kernel.post_ops = take_post_ops(ops, first, operands);
    emit(kernel, operands);
  }
}

namespace {
PostOpKind kind_of(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::relu:
      return PostOpKind::relu;
    case ActivationKind::relu6:
      return PostOpKind::relu6;
    case ActivationKind::hswish:
      return PostOpKind::hswish;
    case ActivationKind::hsigmoid:
      return PostOpKind::hsigmoid;
    case ActivationKind::sigmoid:
      return PostOpKind::sigmoid;
  }
  return PostOpKind::relu;
}
}  // namespace

PostOps Planner::take_post_ops(const std::vector<PostOp>& ops, std::size_t& first, Operands& operands) {
  PostOps taken;
  for (; first < ops.size() && taken.count < static_cast<Index>(kMostPostOps); ++first, ++taken.count) {
    if (const auto* const add = std::get_if<PostAdd>(&ops[first])) {
      taken.kinds[taken.count] = PostOpKind::add;
      operands[static_cast<std::size_t>(kFirstAddend) + taken.count] = dense(add->tensor).operand;
    } else {
      taken.kinds[taken.count] = kind_of(std::get<PostActivation>(ops[first]).kind);
    }
  }
  return taken;
}

std::optional<Planner::Epilogue> Planner::epilogue() {
  Epilogue found;
  auto op = layer_->post_ops.begin();
  const auto end = layer_->post_ops.end();
  const PostAdd* const add = op != end ? std::get_if<PostAdd>(&*op) : nullptr;
  if (add != nullptr) ++op;
  const auto relu = PostOp(PostActivation{ActivationKind::relu});
  if (op != end && *op == relu) {
    found.relu = true;
    ++op;
  }
  if (op != end) return std::nullopt;
  if (add != nullptr) found.addend = dense(add->tensor).operand;
  return found;
}

// ---- values

Value Planner::dense(TensorId tensor) {
  const Value& value = values_[tensor];
  const Shape& extents = shape(tensor);
  if (extents.dims.size() != 3 || value.strides == dense_strides(extents)) return value;
  Copying copy{.count = elements(extents),
               .tokens = static_cast<Index>(extents.dims[1]),
               .features = static_cast<Index>(extents.dims[2]),
               .repeats = 1,
               .src = value.strides};
  const Value made = new_value(extents);
  emit(copy, {made.operand, value.operand});
  return made;
}

Value Planner::new_value(const Shape& shape) {
  const int step = static_cast<int>(plan_.steps.size());
  plan_.buffers.push_back({elements(shape), once() ? 0 : step, once() ? kForever : step, once()});
  return {{Operand::Kind::buffer, plan_.buffers.size() - 1, 0}, dense_strides(shape)};
}

SequenceStrides Planner::dense_strides(const Shape& shape) {
  if (shape.dims.size() != 3) return {};
  return {static_cast<Index>(shape.dims[1] * shape.dims[2]), static_cast<Index>(shape.dims[2])};
}

Operand Planner::weights(Weights::Part part, const std::string& key, bool channels_last) {
  Weights wanted{part, index_, channels_last,
                 fmt::format("{} {}{}", static_cast<int>(part), key, channels_last ? " channels last" : "")};
  auto& all = plan_.weights;
  auto known = std::find_if(all.begin(), all.end(), [&](const Weights& other) { return other.key == wanted.key; });
  if (known == all.end()) known = all.insert(all.end(), std::move(wanted));
  return {Operand::Kind::weights, static_cast<std::size_t>(known - all.begin()), 0};
}

Elementwise Planner::elementwise(const Shape& shape) const {
  const bool is_map = shape.dims.size() == 4;
  return {.count = elements(shape),
          .channels = static_cast<Index>(is_map ? shape.channels() : shape.dims.back()),
          .area = static_cast<Index>(is_map ? shape.height() * shape.width() : 1),
          .channels_last = options_.channels_last};
}

Windows Planner::windows(const Shape& src, const Shape& dst) const {
  return {.channels = static_cast<Index>(src.channels()),
          .in_height = static_cast<Index>(src.height()),
          .in_width = static_cast<Index>(src.width()),
          .out_height = static_cast<Index>(dst.height()),
          .out_width = static_cast<Index>(dst.width()),
          .channels_last = options_.channels_last};
}

// ---- steps

void Planner::emit(Operation operation, const Operands& operands) {
  if (!once()) {
    for (const Operand& operand : operands) {
      if (operand.kind != Operand::Kind::buffer) continue;
      int& last_step = plan_.buffers[operand.index].last_step;
      last_step = std::max(last_step, static_cast<int>(plan_.steps.size()));
    }
  }
  (once() ? plan_.once : plan_.steps).push_back({layer_->name, std::move(operation), operands});
}

Value Planner::emit_new(Operation operation, Operands operands) {
  const Value made = new_value(shape(layer_->output));
  operands[0] = made.operand;
  emit(std::move(operation), operands);
  return made;
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
  return Unsupported(fmt::format("cudnn: layer '{}' ({}): {}", layer_->name, describe(layer_->op), what));
}

Index Planner::elements(const Shape& shape) const {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (shape.elements() >= kMost)
    throw refused(fmt::format("got {} elements, wanted fewer than 2^31", shape.elements()));
  return static_cast<Index>(shape.elements());
}

Plan make_plan(const Network& network, const PlanOptions& options) { return Planner(network, options).run(); }

}  // namespace naslat::cudnn
