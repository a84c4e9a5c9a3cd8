#include "measure/backends/cudnn/workshop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/autotune.hpp"
#include "measure/backends/cudnn/kernel_engine.hpp"
#include "measure/backends/cudnn/matmul.hpp"
#include "measure/backends/cudnn/storage.hpp"

namespace naslat::cudnn {

namespace {

// Beyond these, what no executable uses is dropped.
constexpr std::size_t kMostEngines = 4096;  // a space's distinct operations and some more
constexpr std::size_t kWeightShare = 4;     // a quarter of the GPU's memory

/// Bytes that divide the address of a step's source, 256 at most.
std::size_t src_alignment(const Step& step, DataType dtype) {
  const std::size_t offset = step.operands[1].offset * element_bytes(dtype);
  return offset == 0 ? kGpuAlignment : std::min(kGpuAlignment, std::size_t{1} << std::countr_zero(offset));
}

/// What a bare convolution leaves to do, onto its result in place. Slots 3 and 4 are those of the call.
Elementwise rest_of(const ConvolutionCall& call, bool channels_last) {
  Elementwise rest{.count = static_cast<Index>(call.batch * call.out_channels * call.out_height * call.out_width),
                   .channels = static_cast<Index>(call.out_channels),
                   .area = static_cast<Index>(call.out_height * call.out_width),
                   .channels_last = channels_last};
  if (call.add) rest.post_ops.kinds[rest.post_ops.count++] = PostOpKind::add;
  if (call.relu) rest.post_ops.kinds[rest.post_ops.count++] = PostOpKind::relu;
  return rest;
}

/// A kernel of ours behind a convolution: its source is its destination.
class InPlace final : public Engine {
 public:
  explicit InPlace(EnginePointer kernel) : kernel_(std::move(kernel)) {}
  [[nodiscard]] Launch bind(const Pointers& at, void* workspace) const override {
    return kernel_->bind({{at.at[0], at.at[0], nullptr, at.at[3], at.at[4]}}, workspace);
  }
  [[nodiscard]] std::string name() const override { return kernel_->name(); }

 private:
  EnginePointer kernel_;
};

}  // namespace

Workshop::Workshop(const Libraries& libraries, int gpu)
    : gpu_(libraries, gpu), engines_(kMostEngines), weights_(gpu_.memory_bytes() / kWeightShare) {}

std::shared_ptr<const ChosenEngines> Workshop::engines(const Step& step, const EngineChoice& how) {
  EngineKey key{step.operation, src_alignment(step, how.arithmetic.dtype), how};
  if (auto known = engines_.find(key)) return known;
  try {
    return engines_.insert(std::move(key), choose(step, how), how.autotune ? 0 : 1);  // timed again, it might change
  } catch (const Unsupported& reason) {
    throw Unsupported(fmt::format("cudnn: layer '{}': {}", step.layer, reason.what()));
  }
}

ChosenEngines Workshop::choose(const Step& step, const EngineChoice& how) {
  if (!how.autotune) return std::move(candidates(step, how.arithmetic, 1).front());
  std::vector<ChosenEngines> found = candidates(step, how.arithmetic, kMostCandidates);
  if (found.size() == 1) return std::move(found.front());
  std::vector<EngineSequence> sequences;
  for (const ChosenEngines& candidate : found) sequences.push_back(candidate.engines);
  const auto fastest = fastest_candidate(time_candidates(gpu_, step.operation, how.arithmetic.dtype, sequences));
  if (!fastest) throw Unsupported(fmt::format("none of {} engines works", found.size()));
  ChosenEngines chosen = std::move(found[*fastest]);
  chosen.choice = fmt::format("autotuned {} of {}, workspace {}", *fastest + 1, found.size(),
                              chosen.engines.front()->workspace_bytes());
  return chosen;
}

std::vector<ChosenEngines> Workshop::candidates(const Step& step, const Arithmetic& arithmetic, std::size_t most) {
  if (const auto* const call = std::get_if<ConvolutionCall>(&step.operation)) {
    return candidates(*call, arithmetic, most);
  }
  std::vector<ChosenEngines> found;
  if (const auto* const call = std::get_if<MatmulCall>(&step.operation)) {
    for (EnginePointer& engine : matmuls(gpu_, *call, arithmetic.dtype, src_alignment(step, arithmetic.dtype), most)) {
      found.push_back({{std::move(engine)}, "", ""});
    }
  } else {
    found.push_back({{own_kernel(gpu_, step.operation, arithmetic.dtype)}, "", ""});
  }
  return found;
}

/// The graph interface with everything inside, else a bare convolution by either interface and a kernel of ours.
std::vector<ChosenEngines> Workshop::candidates(const ConvolutionCall& call, const Arithmetic& arithmetic,
                                                std::size_t most) {
  std::vector<ChosenEngines> found;
  std::string refused;
  try {
    for (EnginePointer& engine : graph_convolutions(gpu_, call, arithmetic, most)) {
      found.push_back({{std::move(engine)}, "", ""});
    }
  } catch (const Unsupported& reason) {
    refused = reason.what();
  }
  if (most == 1 && !found.empty()) return found;
  ConvolutionCall bare = call;
  bare.bias = bare.add = bare.relu = false;
  try {
    if (bare == call) {
      for (EnginePointer& engine : legacy_convolutions(gpu_, bare, arithmetic, most)) {
        found.push_back({{std::move(engine)}, refused, ""});
      }
    } else {
      const auto rest =
          std::make_shared<InPlace>(own_kernel(gpu_, rest_of(call, arithmetic.channels_last), arithmetic.dtype));
      for (ChosenEngines& chosen : candidates(bare, arithmetic, most)) {
        chosen.engines.push_back(rest);
        chosen.note = refused;
        found.push_back(std::move(chosen));
      }
    }
  } catch (const Unsupported&) {
    if (found.empty()) throw;
  }
  return found;
}

std::shared_ptr<const DeviceMemory> Workshop::weights(const Network& network, const Weights& weights, DataType dtype) {
  const bool tokens = weights.part == Weights::Part::tokens;
  std::string key = fmt::format("{} {}", tokens ? "i32" : storage_name(dtype), weights.key);
  if (auto known = weights_.find(key)) return known;
  const std::vector<float> values = weight_values(network, weights);
  const std::vector<std::int32_t> integers(values.begin(), tokens ? values.end() : values.begin());
  const std::vector<std::byte> bytes = tokens ? std::vector<std::byte>() : stored(values, dtype);
  const auto data = tokens ? std::as_bytes(std::span(integers)) : std::span<const std::byte>(bytes);
  DeviceMemory memory(gpu_, data.size());
  memory.upload(data);
  return weights_.insert(std::move(key), std::move(memory), data.size());
}

std::shared_ptr<const DeviceMemory> Workshop::arena(std::size_t bytes) {
  if (!arena_ || arena_->bytes() < bytes) {
    // By half at least: what executables still keep of earlier ones is at most twice the last.
    const std::size_t grown = arena_ ? std::max(bytes, arena_->bytes() + arena_->bytes() / 2) : bytes;
    arena_ = std::make_shared<const DeviceMemory>(gpu_, grown);
  }
  return arena_;
}

}  // namespace naslat::cudnn
