#include "measure/backends/cudnn/kernel_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "measure/backends/cudnn/storage.hpp"

namespace naslat::cudnn {

namespace {

// ---- names in kernels.cu

const char* kernel_name(const Elementwise&) { return "elementwise"; }
const char* kernel_name(const AveragePooling&) { return "average_pooling"; }
const char* kernel_name(const GlobalPooling&) { return "global_pooling"; }
const char* kernel_name(const DepthwiseConvolution&) { return "depthwise_convolution"; }
const char* kernel_name(const Shuffling&) { return "shuffling"; }
const char* kernel_name(const Embedding&) { return "embedding"; }
const char* kernel_name(const Copying&) { return "copying"; }
const char* kernel_name(const Concatenation&) { return "concatenation"; }
const char* kernel_name(const Normalisation&) { return "normalisation"; }
const char* kernel_name(const SoftmaxRows&) { return "softmax"; }
const char* kernel_name(const Scores&) { return "scores"; }
const char* kernel_name(const Context&) { return "context"; }

template <typename Parameters>
class Kernel final : public Engine {
 public:
  Kernel(Gpu& gpu, const Parameters& parameters, DataType dtype)
      : gpu_(gpu),
        parameters_(parameters),
        name_(fmt::format("{}_{}", kernel_name(parameters), storage_name(dtype))),
        function_(gpu.kernel(name_)) {
    if constexpr (requires { parameters.count; }) {
      grid_ = grid_of_elements(parameters.count);
    } else {
      grid_ = grid_of_rows(parameters.rows);
    }
  }

  [[nodiscard]] Launch bind(const Pointers& at, void*) const override {
    return [this, parameters = parameters_, addresses = at]() mutable {
      void* arguments[] = {&parameters, &addresses};
      gpu_.check(gpu_.driver().cuLaunchKernel(function_, grid_.blocks, 1, 1, grid_.threads, 1, 1, 0, gpu_.stream(),
                                              arguments, nullptr),
                 name_.c_str());
    };
  }
  [[nodiscard]] std::string name() const override { return "naslat:" + name_; }

 private:
  Gpu& gpu_;
  Parameters parameters_;
  std::string name_;
  CUfunction function_;
  Grid grid_;
};

struct MakeKernel {
  Gpu& gpu;
  DataType dtype;

  EnginePointer operator()(const ConvolutionCall&) const { throw std::logic_error("not a kernel of ours"); }
  EnginePointer operator()(const MatmulCall&) const { throw std::logic_error("not a kernel of ours"); }
  template <typename Parameters>
  EnginePointer operator()(const Parameters& parameters) const {
    return std::make_shared<Kernel<Parameters>>(gpu, parameters, dtype);
  }
};

}  // namespace

Grid grid_of_elements(Index count) {
  constexpr Index kThreads = Grid{}.threads;
  return {.blocks = (count + kThreads - 1) / kThreads};
}

Grid grid_of_rows(Index rows) {
  constexpr Index kWarps = Grid{}.threads / 32;
  constexpr Index kMostBlocks = Index{1} << 22;  // rows beyond are taken in turns: indices stay within 32 bits
  return {.blocks = std::min((rows + kWarps - 1) / kWarps, kMostBlocks)};
}

EnginePointer own_kernel(Gpu& gpu, const Operation& operation, DataType dtype) {
  return std::visit(MakeKernel{gpu, dtype}, operation);
}

}  // namespace naslat::cudnn
