#include "measure/backends/cudnn/cuda_graph.hpp"

namespace naslat::cudnn {

CudaGraph::CudaGraph(const Gpu& gpu, const std::function<void()>& submit) : gpu_(gpu), graph_(nullptr, Destroy{&gpu}) {
  const Captured captured = capture(submit);
  CUgraphExec executable = nullptr;
  gpu.check(gpu.driver().cuGraphInstantiateWithFlags(&executable, captured.get(), 0), "graph");
  graph_.reset(executable);
  gpu.check(gpu.driver().cuGraphUpload(executable, gpu.stream()), "upload of the graph");
}

CudaGraph::Captured CudaGraph::capture(const std::function<void()>& submit) const {
  const DriverFunctions& driver = gpu_.driver();
  gpu_.check(driver.cuStreamBeginCapture_v2(gpu_.stream(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), "capture");
  const auto end = [&](CUresult& result) {
    CUgraph graph = nullptr;  // stays null where the capture was invalidated
    result = driver.cuStreamEndCapture(gpu_.stream(), &graph);
    return Captured(graph, Destroy{&gpu_});
  };
  CUresult result = CUDA_SUCCESS;
  try {
    submit();
  } catch (...) {
    static_cast<void>(end(result));  // else the stream takes no launches any more
    throw;
  }
  Captured captured = end(result);
  gpu_.check(result, "capture");
  return captured;
}

}  // namespace naslat::cudnn
