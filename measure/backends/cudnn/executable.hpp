#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "measure/backend.hpp"
#include "measure/backends/cudnn/cuda_graph.hpp"
#include "measure/backends/cudnn/stopwatch.hpp"
#include "measure/backends/cudnn/workshop.hpp"

namespace naslat::cudnn {

/// A plan bound to memory: a run is a loop of launches onto one stream, then a wait for it. An event before the first
/// launch and one behind the last give the GPU's own time; recording them, about a microsecond of host time together,
/// is part of every run. As a CUDA graph, the launches are captured once and replayed as one; its blocks cannot be told
/// apart.
class CudnnExecutable final : public Executable {
 public:
  /// @throws Unsupported naming the layer; DataError where memory runs out
  CudnnExecutable(Workshop& workshop, const Network& network, Plan plan, const Arithmetic& arithmetic,
                  const Device& device);

  void run() override;
  [[nodiscard]] std::vector<float> output() const override;
  [[nodiscard]] const ExecutableInfo& info() const override { return info_; }
  [[nodiscard]] const std::vector<BlockInfo>& blocks() const override { return blocks_; }
  [[nodiscard]] std::optional<double> device_run_s() const override { return stopwatch_.elapsed_s(); }
  [[nodiscard]] DeviceState device_state() const override { return workshop_.gpu().state(); }
  void run_blocks(const Clock& now, std::span<double> boundaries_s) override;

  void set_build_s(double build_s) { info_.build_s = build_s; }

 private:
  using EnginesOfSteps = std::vector<std::shared_ptr<const ChosenEngines>>;
  [[nodiscard]] EnginesOfSteps choose(const std::vector<Step>& steps, bool autotune);
  void place(const Network& network, const Plan& plan);
  /// Appends the launches of each step; where each step's end.
  std::vector<std::size_t> bind(const std::vector<Step>& steps, const EnginesOfSteps& engines,
                                std::vector<Launch>& launches);
  [[nodiscard]] std::byte* address(const Operand& operand) const;
  static void submit(std::span<const Launch> launches);
  void execute(std::span<const Launch> launches) const;
  /// Makes a CUDA graph of a run, or notes why it stays a loop of launches.
  void capture();
  void describe(const Plan& plan);

  Workshop& workshop_;
  Arithmetic arithmetic_;
  Stopwatch stopwatch_;
  std::shared_ptr<const DeviceMemory> arena_;
  DeviceMemory constants_;
  EnginesOfSteps once_, steps_;
  std::vector<std::shared_ptr<const DeviceMemory>> weights_;  // as in Plan::weights
  std::vector<std::byte*> buffers_;                           // by BufferId
  std::byte* workspace_ = nullptr;                            // behind the buffers in the arena
  std::vector<Launch> launches_;
  std::optional<CudaGraph> graph_;  // of all launches
  std::vector<BlockInfo> blocks_;
  std::vector<std::size_t> block_ends_;  // in launches_
  const std::byte* output_ = nullptr;
  Shape output_shape_;
  ExecutableInfo info_;
};

}  // namespace naslat::cudnn
