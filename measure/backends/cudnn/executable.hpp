#pragma once

#include <memory>
#include <span>
#include <vector>

#include "measure/backend.hpp"
#include "measure/backends/cudnn/workshop.hpp"

namespace naslat::cudnn {

/// A plan bound to memory: a run is a loop of launches onto one stream, then a wait for it.
class CudnnExecutable final : public Executable {
 public:
  /// @throws Unsupported naming the layer; DataError where memory runs out
  CudnnExecutable(Workshop& workshop, const Network& network, Plan plan, const Arithmetic& arithmetic);

  void run() override { execute(launches_); }
  [[nodiscard]] std::vector<float> output() const override;
  [[nodiscard]] const ExecutableInfo& info() const override { return info_; }
  [[nodiscard]] const std::vector<BlockInfo>& blocks() const override { return blocks_; }
  void run_blocks(const Clock& now, std::span<double> boundaries_s) override;

  void set_build_s(double build_s) { info_.build_s = build_s; }

 private:
  using EnginesOfSteps = std::vector<const ChosenEngines*>;
  [[nodiscard]] EnginesOfSteps choose(const std::vector<Step>& steps);
  void place(const Network& network, const Plan& plan, const EnginesOfSteps& once, const EnginesOfSteps& steps);
  /// Appends the launches of each step; where each step's end.
  std::vector<std::size_t> bind(const std::vector<Step>& steps, const EnginesOfSteps& engines,
                                std::vector<Launch>& launches);
  [[nodiscard]] std::byte* address(const Operand& operand) const;
  void execute(std::span<const Launch> launches) const;
  void describe(const Plan& plan, const EnginesOfSteps& engines);

  Workshop& workshop_;
  Arithmetic arithmetic_;
  std::shared_ptr<const DeviceMemory> arena_;
  DeviceMemory constants_;
  std::vector<std::byte*> buffers_, weights_;  // by BufferId; as in Plan::weights
  std::byte* workspace_ = nullptr;             // behind the buffers in the arena
  std::vector<Launch> launches_;
  std::vector<BlockInfo> blocks_;
  std::vector<std::size_t> block_ends_;  // in launches_
  const std::byte* output_ = nullptr;
  Shape output_shape_;
  ExecutableInfo info_;
};

}  // namespace naslat::cudnn
