#include "measure/backends/cudnn/executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/storage.hpp"

namespace naslat::cudnn {

CudnnExecutable::CudnnExecutable(Workshop& workshop, const Network& network, Plan plan, const Arithmetic& arithmetic,
                                 const Device& device)
    : workshop_(workshop), arithmetic_(arithmetic), stopwatch_(workshop.gpu()), output_shape_(plan.output_shape) {
  once_ = choose(plan.once, device.autotune);
  steps_ = choose(plan.steps, device.autotune);
  place(network, plan);
  describe(plan);
  std::vector<Launch> once_launches;
  bind(plan.once, once_, once_launches);
  const std::vector<std::size_t> ends = bind(plan.steps, steps_, launches_);
  for (const PlannedBlock& block : plan.blocks) {
    blocks_.push_back(block.info);
    const std::size_t end = block.first_step + block.step_count;
    block_ends_.push_back(end == 0 ? 0 : ends[end - 1]);
  }
  output_ = address(plan.output);
  execute(once_launches);
  if (device.cuda_graph) capture();
}

void CudnnExecutable::capture() {
  constexpr int kReplays = 4;  // the first ones of a graph are slower
  execute(launches_);          // what libraries load at first use must be there
  try {
    graph_.emplace(workshop_.gpu(), [this] { submit(launches_); });
  } catch (const DataError& reason) {
    info_.notes.push_back(fmt::format("no CUDA graph but plain launches: {}", reason.what()));
    return;
  }
  blocks_.clear();
  block_ends_.clear();
  for (int i = 0; i < kReplays; ++i) run();
}

CudnnExecutable::EnginesOfSteps CudnnExecutable::choose(const std::vector<Step>& steps, bool autotune) {
  EnginesOfSteps chosen;
  for (const Step& step : steps) chosen.push_back(workshop_.engines(step, {arithmetic_, autotune}));
  return chosen;
}

void CudnnExecutable::place(const Network& network, const Plan& plan) {
  const std::size_t width = element_bytes(arithmetic_.dtype);
  const ArenaPlan offsets = plan_arena(plan, width);
  std::size_t workspace = 0, constant_bytes = 0;
  for (const EnginesOfSteps* const list : {&once_, &steps_}) {
    for (const auto& chosen : *list) {
      for (const EnginePointer& engine : chosen->engines) workspace = std::max(workspace, engine->workspace_bytes());
    }
  }
  for (const Buffer& buffer : plan.buffers) {
    if (buffer.constant) constant_bytes += aligned(buffer.elements * width, kGpuAlignment);
  }
  arena_ = workshop_.arena(offsets.bytes + workspace);
  constants_ = DeviceMemory(workshop_.gpu(), constant_bytes);
  workspace_ = arena_->data() + offsets.bytes;
  std::byte* next = constants_.data();
  for (BufferId b = 0; b < plan.buffers.size(); ++b) {
    const Buffer& buffer = plan.buffers[b];
    buffers_.push_back(buffer.constant ? std::exchange(next, next + aligned(buffer.elements * width, kGpuAlignment))
                                       : arena_->data() + offsets.offsets[b]);
  }
  info_.weight_bytes = static_cast<std::int64_t>(constant_bytes);
  for (const Weights& weights : plan.weights) {
    weights_.push_back(workshop_.weights(network, weights, arithmetic_.dtype));
    info_.weight_bytes += static_cast<std::int64_t>(weights_.back()->bytes());
  }
  info_.arena_bytes = static_cast<std::int64_t>(offsets.bytes);
  info_.scratchpad_bytes = static_cast<std::int64_t>(workspace);
}

std::byte* CudnnExecutable::address(const Operand& operand) const {
  if (operand.kind == Operand::Kind::none) return nullptr;
  std::byte* const start =
      operand.kind == Operand::Kind::buffer ? buffers_[operand.index] : weights_[operand.index]->data();
  return start + operand.offset * element_bytes(arithmetic_.dtype);
}

std::vector<std::size_t> CudnnExecutable::bind(const std::vector<Step>& steps, const EnginesOfSteps& engines,
                                               std::vector<Launch>& launches) {
  std::vector<std::size_t> ends;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    Pointers at{};
    for (std::size_t slot = 0; slot < steps[s].operands.size(); ++slot) at.at[slot] = address(steps[s].operands[slot]);
    for (const EnginePointer& engine : engines[s]->engines) launches.push_back(engine->bind(at, workspace_));
    ends.push_back(launches.size());
  }
  return ends;
}

void CudnnExecutable::submit(std::span<const Launch> launches) {
  for (const Launch& launch : launches) launch();
}

void CudnnExecutable::execute(std::span<const Launch> launches) const {
  submit(launches);
  workshop_.gpu().synchronise();
}

void CudnnExecutable::run() {
  stopwatch_.start();
  if (graph_) {
    graph_->launch();
  } else {
    submit(launches_);
  }
  stopwatch_.stop();
  workshop_.gpu().synchronise();
}

void CudnnExecutable::run_blocks(const Clock& now, std::span<double> boundaries_s) {
  boundaries_s[0] = now();
  std::size_t first = 0;
  for (std::size_t b = 0; b < block_ends_.size(); ++b) {
    execute({launches_.data() + first, block_ends_[b] - first});
    first = block_ends_[b];
    boundaries_s[b + 1] = now();
  }
}

std::vector<float> CudnnExecutable::output() const {
  const Gpu& gpu = workshop_.gpu();
  const auto elements = static_cast<std::size_t>(output_shape_.elements());
  std::vector<std::byte> bytes(elements * element_bytes(arithmetic_.dtype));
  gpu.check(gpu.driver().cuMemcpyDtoH_v2(bytes.data(), reinterpret_cast<CUdeviceptr>(output_), bytes.size()),
            "download");
  std::vector<float> values = loaded(bytes, arithmetic_.dtype);
  const bool is_map = output_shape_.dims.size() == 4;
  return is_map && arithmetic_.channels_last ? channels_first(values, output_shape_) : values;
}

void CudnnExecutable::describe(const Plan& plan) {
  std::map<std::string, int> counts;
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const ChosenEngines& chosen = *steps_[s];
    for (const EnginePointer& engine : chosen.engines) {
      const bool timed = engine == chosen.engines.front() && !chosen.choice.empty();
      ++counts[timed ? fmt::format("{} ({})", engine->name(), chosen.choice) : engine->name()];
      ++info_.primitives;
    }
    if (std::holds_alternative<Copying>(plan.steps[s].operation)) ++info_.reorders;
    if (!chosen.note.empty()) info_.notes.push_back(fmt::format("layer '{}': {}", plan.steps[s].layer, chosen.note));
  }
  for (const auto& [name, count] : counts) info_.kernels.push_back(fmt::format("{}x {}", count, name));
}

}  // namespace naslat::cudnn
