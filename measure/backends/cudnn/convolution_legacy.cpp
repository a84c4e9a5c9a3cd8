// Convolutions by cuDNN's older interface: where the graph interface has no engine.

#include <fmt/format.h>

#include <array>
#include <span>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/convolution.hpp"

namespace naslat::cudnn {

namespace {
/// The default allows tf32.
cudnnMathType_t math_type(DataType dtype) {
  if (dtype == DataType::f32) return CUDNN_FMA_MATH;
  return dtype == DataType::tf32 ? CUDNN_DEFAULT_MATH : CUDNN_TENSOR_OP_MATH;
}
}  // namespace

LegacyDescriptors::LegacyDescriptors(const CudnnFunctions& functions, const ConvolutionCall& call,
                                     const Arithmetic& arithmetic)
    : LegacyDescriptors(functions) {
  const auto check = [&](cudnnStatus_t status) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    throw Unsupported(fmt::format("convolution's descriptors: {}", cudnn.cudnnGetErrorString(status)));
  };
  const auto n = [](std::int64_t extent) { return static_cast<int>(extent); };
  const cudnnDataType_t type = storage_type(arithmetic.dtype);
  const cudnnTensorFormat_t format = arithmetic.channels_last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
  check(cudnn.cudnnCreateTensorDescriptor(&src));
  check(cudnn.cudnnCreateTensorDescriptor(&dst));
  check(cudnn.cudnnCreateFilterDescriptor(&weights));
  check(cudnn.cudnnCreateConvolutionDescriptor(&convolution));
  check(cudnn.cudnnSetTensor4dDescriptor(src, format, type, n(call.batch), n(call.in_channels), n(call.in_height),
                                         n(call.in_width)));
  check(cudnn.cudnnSetTensor4dDescriptor(dst, format, type, n(call.batch), n(call.out_channels), n(call.out_height),
                                         n(call.out_width)));
  check(cudnn.cudnnSetFilter4dDescriptor(weights, type, format, n(call.out_channels), n(call.in_channels / call.groups),
                                         n(call.kernel), n(call.kernel)));
  check(cudnn.cudnnSetConvolution2dDescriptor(convolution, n(call.padding), n(call.padding), n(call.stride),
                                              n(call.stride), 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
  check(cudnn.cudnnSetConvolutionGroupCount(convolution, n(call.groups)));
  check(cudnn.cudnnSetConvolutionMathType(convolution, math_type(arithmetic.dtype)));
}

LegacyDescriptors::~LegacyDescriptors() {
  if (src != nullptr) static_cast<void>(cudnn.cudnnDestroyTensorDescriptor(src));
  if (dst != nullptr) static_cast<void>(cudnn.cudnnDestroyTensorDescriptor(dst));
  if (weights != nullptr) static_cast<void>(cudnn.cudnnDestroyFilterDescriptor(weights));
  if (convolution != nullptr) static_cast<void>(cudnn.cudnnDestroyConvolutionDescriptor(convolution));
}

namespace {

class LegacyConvolution final : public Engine {
 public:
  LegacyConvolution(const Gpu& gpu, const ConvolutionCall& call, const Arithmetic& arithmetic,
                    const cudnnConvolutionFwdAlgoPerf_t& found)
      : gpu_(gpu),
        descriptors_(std::make_unique<LegacyDescriptors>(gpu.libraries().cudnn, call, arithmetic)),
        algorithm_(found.algo),
        workspace_bytes_(found.memory) {
    gpu.check(gpu.libraries().cudnn.cudnnSetConvolutionMathType(descriptors_->convolution, found.mathType),
              "math type");
  }

  [[nodiscard]] Launch bind(const Pointers& at, void* workspace) const override {
    return [this, at, workspace] {
      constexpr float kOne = 1, kZero = 0;
      const LegacyDescriptors& d = *descriptors_;
      gpu_.check(
          d.cudnn.cudnnConvolutionForward(gpu_.cudnn(), &kOne, d.src, at.at[1], d.weights, at.at[2], d.convolution,
                                          algorithm_, workspace, workspace_bytes_, &kZero, d.dst, at.at[0]),
          "convolution");
    };
  }
  [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_bytes_; }
  [[nodiscard]] std::string name() const override {
    return fmt::format("conv cudnn:algorithm{}", static_cast<int>(algorithm_));
  }

 private:
  const Gpu& gpu_;
  std::unique_ptr<LegacyDescriptors> descriptors_;
  cudnnConvolutionFwdAlgo_t algorithm_;
  std::size_t workspace_bytes_;
};

}  // namespace

std::vector<EnginePointer> legacy_convolutions(const Gpu& gpu, const ConvolutionCall& call,
                                               const Arithmetic& arithmetic, std::size_t most) {
  const LegacyDescriptors d(gpu.libraries().cudnn, call, arithmetic);
  std::array<cudnnConvolutionFwdAlgoPerf_t, CUDNN_CONVOLUTION_FWD_ALGO_COUNT> found{};
  int count = 0;
  static_cast<void>(d.cudnn.cudnnGetConvolutionForwardAlgorithm_v7(
      gpu.cudnn(), d.src, d.weights, d.convolution, d.dst, static_cast<int>(found.size()), &count, found.data()));
  std::vector<EnginePointer> engines;
  for (const auto& algorithm : std::span(found).first(static_cast<std::size_t>(count))) {
    const bool rounds_f32 = arithmetic.dtype == DataType::f32 && algorithm.mathType != CUDNN_FMA_MATH;
    if (algorithm.status != CUDNN_STATUS_SUCCESS || rounds_f32) continue;
    if (algorithm.memory > static_cast<std::size_t>(kConvolutionWorkspaceLimit)) continue;
    if (engines.size() < most) {
      engines.push_back(std::make_shared<LegacyConvolution>(gpu, call, arithmetic, algorithm));
    }
  }
  if (engines.empty()) throw Unsupported("no convolution algorithm");
  return engines;
}

}  // namespace naslat::cudnn
