#include "measure/backends/onednn/executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "measure/backends/onednn/runtime.hpp"

namespace naslat::onednn {

std::size_t scratchpad_bytes(const Plan& plan) {
  std::size_t bytes = 0;
  for (const auto* steps : {&plan.steps, &plan.once}) {
    for (const Step& step : *steps) bytes = std::max(bytes, step.kernel->scratchpad_bytes);
  }
  return bytes;
}

ArenaPlan plan_arena(const Plan& plan) {
  std::vector<Lifetime> lifetimes = plan.buffers;
  for (std::size_t b = 0; b < lifetimes.size(); ++b) {
    if (plan.constant[b]) lifetimes[b].bytes = 0;
  }
  return plan_arena(std::span<const Lifetime>(lifetimes));
}

OnednnExecutable::OnednnExecutable(Plan plan, const ArenaPlan& offsets, std::shared_ptr<const Block> arena,
                                   const dnnl::engine& engine, const dnnl::stream& stream)
    : arena_(std::move(arena)),
      engine_(engine),
      stream_(stream),
      buffers_(plan.buffers.size()),
      views_(buffers_.size()) {
  for (BufferId b = 0; b < buffers_.size(); ++b) buffers_[b] = arena_->data() + offsets.offsets[b];
  describe(plan, offsets);
  place_constants(plan);
  const std::vector<Call> once = bind(plan.once, plan);
  calls_ = bind(plan.steps, plan);
  const Operand& output = plan.output;
  output_elements_ = (output.resident ? output.resident->bytes : output.layout->get_size()) / sizeof(float);
  output_ = output.resident ? static_cast<const float*>(output.resident->memory.get_data_handle())
                            : reinterpret_cast<const float*>(buffers_[output.buffer]);
  execute(once);
}

OnednnExecutable::~OnednnExecutable() {
  for (dnnl_memory_t memory : memories_) dnnl_memory_destroy(memory);
}

void OnednnExecutable::place_constants(const Plan& plan) {
  std::size_t bytes = 0;
  for (BufferId b = 0; b < buffers_.size(); ++b) {
    if (plan.constant[b]) bytes += aligned(plan.buffers[b].bytes);
  }
  constants_ = Block(bytes, Block::Pages::normal);
  info_.weight_bytes += static_cast<std::int64_t>(bytes);
  std::byte* next = constants_.data();
  for (BufferId b = 0; b < buffers_.size(); ++b) {
    if (plan.constant[b]) buffers_[b] = std::exchange(next, next + aligned(plan.buffers[b].bytes));
  }
  for (const Plan::Fill& fill : plan.fills) {
    std::fill_n(reinterpret_cast<float*>(buffers_[fill.buffer]), plan.buffers[fill.buffer].bytes / sizeof(float),
                fill.value);
  }
}

dnnl_memory_t OnednnExecutable::view(const Operand& operand) {
  if (operand.resident != nullptr) return operand.resident->memory.get();
  for (const auto& [layout, memory] : views_[operand.buffer]) {
    if (layout == operand.layout) return memory;
  }
  dnnl_memory_t memory = nullptr;
  check(dnnl_memory_create(&memory, operand.layout->get(), engine_.get(), buffers_[operand.buffer]), "memory");
  memories_.push_back(memory);
  views_[operand.buffer].emplace_back(operand.layout, memory);
  return memory;
}

std::vector<OnednnExecutable::Call> OnednnExecutable::bind(const std::vector<Step>& steps, const Plan& plan) {
  const std::size_t scratchpad = scratchpad_bytes(plan);
  dnnl_memory_t scratch = nullptr;
  if (scratchpad > 0) {
    const dnnl::memory::desc desc({static_cast<std::int64_t>(scratchpad)}, dnnl::memory::data_type::u8,
                                  dnnl::memory::format_tag::x);
    std::byte* const end = arena_->data() + info_.arena_bytes;
    check(dnnl_memory_create(&scratch, desc.get(), engine_.get(), end), "scratchpad");
    memories_.push_back(scratch);
  }
  std::vector<Call> calls;
  calls.reserve(steps.size());
  for (const Step& step : steps) {
    const std::size_t first = arguments_.size();
    for (const Operand& operand : step.operands) arguments_.push_back({operand.argument, view(operand)});
    if (step.kernel->scratchpad_bytes > 0) arguments_.push_back({DNNL_ARG_SCRATCHPAD, scratch});
    calls.push_back(
        {step.kernel->primitive.get(), static_cast<int>(first), static_cast<int>(arguments_.size() - first)});
  }
  return calls;
}

void OnednnExecutable::execute(std::span<const Call> calls) const {
  for (const Call& call : calls) {
    const dnnl_status_t status = dnnl_primitive_execute(call.primitive, stream_.get(), call.argument_count,
                                                        arguments_.data() + call.first_argument);
    if (status != dnnl_success) check(status, "execute");
  }
  check(dnnl_stream_wait(stream_.get()), "wait");
}

std::vector<float> OnednnExecutable::output() const { return {output_, output_ + output_elements_}; }

void OnednnExecutable::describe(const Plan& plan, const ArenaPlan& offsets) {
  std::map<std::string, int> counts;
  std::set<const Resident*> residents;
  for (const Step& step : plan.steps) {
    ++counts[step.kernel->name];
    if (step.kernel->name.starts_with("reorder")) ++info_.reorders;
    for (const Operand& operand : step.operands) {
      if (operand.resident != nullptr) residents.insert(operand.resident);
    }
  }
  for (const auto& [name, count] : counts) info_.kernels.push_back(fmt::format("{}x {}", count, name));
  info_.primitives = static_cast<int>(plan.steps.size());
  for (const Resident* resident : residents) info_.weight_bytes += static_cast<std::int64_t>(resident->bytes);
  info_.arena_bytes = static_cast<std::int64_t>(offsets.bytes);
  info_.scratchpad_bytes = static_cast<std::int64_t>(scratchpad_bytes(plan));
  info_.notes = plan.notes;
}

}  // namespace naslat::onednn
