#pragma once

#include <functional>
#include <memory>

#include "measure/backends/cudnn/gpu.hpp"

namespace naslat::cudnn {

/// Launches that go to the GPU as one: captured, instantiated, uploaded.
class CudaGraph {
 public:
  /// @param submit  appends the launches to the GPU's stream, and neither allocates nor waits; each ran before
  /// @throws DataError with the library's own words where they cannot be captured
  CudaGraph(const Gpu& gpu, const std::function<void()>& submit);

  /// Appends all of them to the stream.
  void launch() const { gpu_.check(gpu_.driver().cuGraphLaunch(graph_.get(), gpu_.stream()), "graph"); }

 private:
  struct Destroy {
    const Gpu* gpu;
    void operator()(CUgraph graph) const { static_cast<void>(gpu->driver().cuGraphDestroy(graph)); }
    void operator()(CUgraphExec graph) const { static_cast<void>(gpu->driver().cuGraphExecDestroy(graph)); }
  };
  using Captured = std::unique_ptr<CUgraph_st, Destroy>;
  [[nodiscard]] Captured capture(const std::function<void()>& submit) const;

  const Gpu& gpu_;
  std::unique_ptr<CUgraphExec_st, Destroy> graph_;
};

}  // namespace naslat::cudnn
