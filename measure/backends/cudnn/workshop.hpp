#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "measure/backends/cudnn/convolution.hpp"
#include "measure/backends/cudnn/engine.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/cudnn/plan.hpp"

namespace naslat::cudnn {

/// A step's engines in order: one, or a bare convolution and a kernel of ours behind it.
struct ChosenEngines {
  std::vector<EnginePointer> engines;
  std::string note;  ///< where the first choice was refused
};

/// What executables share: engines by shape, uploaded weights by key, one arena.
class Workshop {
 public:
  explicit Workshop(const SearchPath& path) : gpu_(path) {}

  [[nodiscard]] Gpu& gpu() { return gpu_; }
  /// @throws Unsupported where no library serves the step
  const ChosenEngines& engines(const Step& step, const Arithmetic& arithmetic);
  /// Address of a plan's weights in the order and type they are stored in; uploaded at their first use.
  const DeviceMemory& weights(const Network& network, const Weights& weights, DataType dtype);
  /// The common memory, replaced by a larger one if need be; executables keep the one they were built on.
  std::shared_ptr<const DeviceMemory> arena(std::size_t bytes);

 private:
  ChosenEngines choose(const Step& step, const Arithmetic& arithmetic);
  ChosenEngines choose(const ConvolutionCall& call, const Arithmetic& arithmetic);

  Gpu gpu_;
  struct Known {
    Operation operation;
    std::size_t src_alignment;
    ChosenEngines chosen;
  };
  std::map<std::pair<DataType, bool>, std::vector<std::unique_ptr<Known>>> engines_;
  std::unordered_map<std::string, DeviceMemory> weights_;
  std::shared_ptr<const DeviceMemory> arena_;
};

}  // namespace naslat::cudnn
