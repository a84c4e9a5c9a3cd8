#pragma once

#include <memory>
#include <string>
#include <vector>

#include "measure/backends/cudnn/bounded_cache.hpp"
#include "measure/backends/cudnn/convolution.hpp"
#include "measure/backends/cudnn/engine.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/cudnn/plan.hpp"

namespace naslat::cudnn {

/// A step's engines in order: one, or a bare convolution and a kernel of ours behind it.
struct ChosenEngines {
  std::vector<EnginePointer> engines;
  std::string note;    ///< where the first choice was refused
  std::string choice;  ///< where candidates were timed: "autotuned 2 of 5, workspace 1024"
};

/// How a step's engines are found.
struct EngineChoice {
  Arithmetic arithmetic;
  bool autotune = false;  ///< by timing candidates, else as the libraries' heuristics say
  bool operator==(const EngineChoice&) const = default;
};

/// What executables share: engines by shape, uploaded weights by key, one arena. Engines and weights that no executable
/// uses any more are kept up to a limit, so that thousands of networks fit through one GPU.
class Workshop {
 public:
  Workshop(const Libraries& libraries, int gpu);

  [[nodiscard]] Gpu& gpu() { return gpu_; }
  /// @throws Unsupported where no library serves the step
  std::shared_ptr<const ChosenEngines> engines(const Step& step, const EngineChoice& how);
  /// A plan's weights in the order and type they are stored in; uploaded where they are not there any more.
  std::shared_ptr<const DeviceMemory> weights(const Network& network, const Weights& weights, DataType dtype);
  /// The common memory, replaced by a larger one if need be; executables keep the one they were built on.
  std::shared_ptr<const DeviceMemory> arena(std::size_t bytes);

 private:
  /// Ways to execute a step, the libraries' first choice first, `most` of each source.
  std::vector<ChosenEngines> candidates(const Step& step, const Arithmetic& arithmetic, std::size_t most);
  std::vector<ChosenEngines> candidates(const ConvolutionCall& call, const Arithmetic& arithmetic, std::size_t most);
  ChosenEngines choose(const Step& step, const EngineChoice& how);

  Gpu gpu_;
  struct EngineKey {
    Operation operation;
    std::size_t src_alignment;
    EngineChoice how;
    bool operator==(const EngineKey&) const = default;
  };
  BoundedCache<EngineKey, ChosenEngines> engines_;
  BoundedCache<std::string, DeviceMemory> weights_;
  std::shared_ptr<const DeviceMemory> arena_;
};

}  // namespace naslat::cudnn
