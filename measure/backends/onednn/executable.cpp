#include "measure/backends/onednn/executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "measure/backends/onednn/runtime.hpp"

namespace naslat::onednn {

std::size_t scratchpad_bytes(const Plan& plan) {
  std::size_t bytes = 0;
  for (const auto* steps : {&plan.steps, &plan.once}) {
    for (const Step& step : *steps) bytes = std::max(bytes, step.kernel ? step.kernel->scratchpad_bytes : 0);
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

OnednnExecutable::OnednnExecutable(const Plan& plan, const ArenaPlan& offsets, std::shared_ptr<const MemoryBlock> arena,
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
  for (const PlannedBlock& block : plan.blocks) {
    blocks_.push_back(block.info);
    block_ends_.push_back(block.first_step + block.step_count);
  }
  output_elements_ = plan.output.layout->get_size() / sizeof(float);
  output_ = reinterpret_cast<const float*>(address(plan.output));
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
  constants_ = MemoryBlock(bytes, MemoryBlock::Pages::normal);
  info_.weight_bytes += static_cast<std::int64_t>(bytes);
  std::byte* next = constants_.data();
  for (BufferId b = 0; b < buffers_.size(); ++b) {
    if (plan.constant[b]) buffers_[b] = std::exchange(next, next + aligned(plan.buffers[b].bytes));
  }
}

std::byte* OnednnExecutable::address(const Operand& operand) const {
  std::byte* const start = operand.resident != nullptr
                               ? static_cast<std::byte*>(operand.resident->memory.get_data_handle())
                               : buffers_[operand.buffer];
  return start + operand.offset_bytes;
}

dnnl_memory_t OnednnExecutable::view(const Operand& operand) {
  if (operand.resident != nullptr) return operand.resident->memory.get();
  for (const View& known : views_[operand.buffer]) {
    if (known.layout == operand.layout && known.offset_bytes == operand.offset_bytes) return known.memory;
  }
  dnnl_memory_t memory = nullptr;
  check(dnnl_memory_create(&memory, operand.layout->get(), engine_.get(), address(operand)), "memory");
  memories_.push_back(memory);
  views_[operand.buffer].push_back({operand.layout, operand.offset_bytes, memory});
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
    if (step.embedding) {
      calls.push_back({nullptr, static_cast<int>(embeddings_.size()), 0});
      embeddings_.push_back(embedding_call(step));
      continue;
    }
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
    if (call.primitive == nullptr) {
      embeddings_[static_cast<std::size_t>(call.first_argument)].run();
      continue;
    }
    const dnnl_status_t status = dnnl_primitive_execute(call.primitive, stream_.get(), call.argument_count,
                                                        arguments_.data() + call.first_argument);
    if (status != dnnl_success) check(status, "execute");
  }
  check(dnnl_stream_wait(stream_.get()), "wait");
}

void OnednnExecutable::run_blocks(const Clock& now, std::span<double> boundaries_s) {
  boundaries_s[0] = now();
  std::size_t first = 0;
  for (std::size_t b = 0; b < block_ends_.size(); ++b) {
    execute({calls_.data() + first, block_ends_[b] - first});
    first = block_ends_[b];
    boundaries_s[b + 1] = now();
  }
}

OnednnExecutable::EmbeddingCall OnednnExecutable::embedding_call(const Step& step) {
  EmbeddingCall call{.op = *step.embedding};
  for (const Operand& operand : step.operands) {
    std::byte* const data = address(operand);
    switch (operand.argument) {
      case DNNL_ARG_SRC:
        call.sequences = operand.layout->get_dims()[0];
        call.sequence_tokens = operand.layout->get_dims()[1];
        call.tokens = reinterpret_cast<const float*>(data);
        break;
      case DNNL_ARG_WEIGHTS:
        call.table = reinterpret_cast<const float*>(data);
        break;
      case DNNL_ARG_BIAS:
        call.positions = reinterpret_cast<const float*>(data);
        break;
      default:
        call.rows = reinterpret_cast<float*>(data);
        break;
    }
  }
  return call;
}

void OnednnExecutable::EmbeddingCall::run() const {
  const float scale = std::sqrt(static_cast<float>(op.width));
  float* out = rows;
  for (std::int64_t sequence = 0; sequence < sequences * op.repeats; ++sequence) {
    const float* const token = tokens + sequence / op.repeats * sequence_tokens + op.first_token;
    for (std::int64_t t = 0; t < op.tokens; ++t) {
      const float* const row = table + static_cast<std::int64_t>(token[t]) * op.table_width;
      const float* const position = positions + t * op.width;
      for (std::int64_t f = 0; f < op.width; ++f) *out++ = scale * row[f] + position[f];
    }
  }
}

std::vector<float> OnednnExecutable::output() const { return {output_, output_ + output_elements_}; }

void OnednnExecutable::describe(const Plan& plan, const ArenaPlan& offsets) {
  std::map<std::string, int> counts;
  std::set<const Resident*> residents;
  for (const Step& step : plan.steps) {
    const std::string name = step.kernel != nullptr ? step.kernel->name : "embedding copy";
    ++counts[name];
    if (name.starts_with("reorder")) ++info_.reorders;
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
