#include "measure/backends/cudnn/workshop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/kernel_engine.hpp"
#include "measure/backends/cudnn/matmul.hpp"
#include "measure/backends/cudnn/storage.hpp"

namespace naslat::cudnn {

namespace {

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

const ChosenEngines& Workshop::engines(const Step& step, const Arithmetic& arithmetic) {
  auto& known = engines_[{arithmetic.dtype, arithmetic.channels_last}];
  const std::size_t alignment = src_alignment(step, arithmetic.dtype);
  for (const auto& entry : known) {
    if (entry->operation == step.operation && entry->src_alignment == alignment) return entry->chosen;
  }
  try {
    known.push_back(std::make_unique<Known>(Known{step.operation, alignment, choose(step, arithmetic)}));
  } catch (const Unsupported& reason) {
    throw Unsupported(fmt::format("cudnn: layer '{}': {}", step.layer, reason.what()));
  }
  return known.back()->chosen;
}

ChosenEngines Workshop::choose(const Step& step, const Arithmetic& arithmetic) {
  if (const auto* const call = std::get_if<ConvolutionCall>(&step.operation)) return choose(*call, arithmetic);
  if (const auto* const call = std::get_if<MatmulCall>(&step.operation)) {
    return {{matmul(gpu_, *call, arithmetic.dtype, src_alignment(step, arithmetic.dtype))}, ""};
  }
  return {{own_kernel(gpu_, step.operation, arithmetic.dtype)}, ""};
}

/// The graph interface with everything inside, else a bare convolution by either interface and a kernel of ours.
ChosenEngines Workshop::choose(const ConvolutionCall& call, const Arithmetic& arithmetic) {
  try {
    return {{graph_convolution(gpu_, call, arithmetic)}, ""};
  } catch (const Unsupported& reason) {
    ConvolutionCall bare = call;
    bare.bias = bare.add = bare.relu = false;
    ChosenEngines chosen{{}, reason.what()};
    if (bare == call) {
      chosen.engines = {legacy_convolution(gpu_, bare, arithmetic)};
      return chosen;
    }
    chosen.engines = choose(bare, arithmetic).engines;
    chosen.engines.push_back(
        std::make_shared<InPlace>(own_kernel(gpu_, rest_of(call, arithmetic.channels_last), arithmetic.dtype)));
    return chosen;
  }
}

const DeviceMemory& Workshop::weights(const Network& network, const Weights& weights, DataType dtype) {
  const bool tokens = weights.part == Weights::Part::tokens;
  const auto [entry, is_new] =
      weights_.try_emplace(fmt::format("{} {}", tokens ? "i32" : storage_name(dtype), weights.key));
  if (!is_new) return entry->second;
  try {
    const std::vector<float> values = weight_values(network, weights);
    const std::vector<std::int32_t> integers(values.begin(), tokens ? values.end() : values.begin());
    const std::vector<std::byte> bytes = tokens ? std::vector<std::byte>() : stored(values, dtype);
    const auto data = tokens ? std::as_bytes(std::span(integers)) : std::span<const std::byte>(bytes);
    entry->second = DeviceMemory(gpu_, data.size());
    entry->second.upload(data);
  } catch (...) {
    weights_.erase(entry);
    throw;
  }
  return entry->second;
}

std::shared_ptr<const DeviceMemory> Workshop::arena(std::size_t bytes) {
  if (!arena_ || arena_->bytes() < bytes) arena_ = std::make_shared<const DeviceMemory>(gpu_, bytes);
  return arena_;
}

}  // namespace naslat::cudnn
