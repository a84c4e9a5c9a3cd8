// Convolutions by cuDNN's older interface: where the graph interface has no engine.

#include <fmt/format.h>

#include <array>

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
  LegacyConvolution(const Gpu& gpu, const ConvolutionCall& call, const Arithmetic& arithmetic)
      : gpu_(gpu), descriptors_(std::make_shared<LegacyDescriptors>(gpu.libraries().cudnn, call, arithmetic)) {
    std::array<cudnnConvolutionFwdAlgoPerf_t, CUDNN_CONVOLUTION_FWD_ALGO_COUNT> candidates{};
    int count = 0;
    const LegacyDescriptors& d = *descriptors_;
    static_cast<void>(d.cudnn.cudnnGetConvolutionForwardAlgorithm_v7(gpu.cudnn(), d.src, d.weights, d.convolution,
                                                                     d.dst, static_cast<int>(candidates.size()), &count,
                                                                     candidates.data()));
    for (int i = 0; i < count; ++i) {
      const auto& candidate = candidates.at(static_cast<std::size_t>(i));
      if (candidate.status != CUDNN_STATUS_SUCCESS ||
          candidate.memory > static_cast<std::size_t>(kConvolutionWorkspaceLimit))
        continue;
      if (arithmetic.dtype == DataType::f32 && candidate.mathType != CUDNN_FMA_MATH) continue;
      algorithm_ = candidate.algo;
      workspace_bytes_ = candidate.memory;
      gpu.check(d.cudnn.cudnnSetConvolutionMathType(d.convolution, candidate.mathType), "math type");
      return;
    }
    throw Unsupported("no convolution algorithm");
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
  std::shared_ptr<LegacyDescriptors> descriptors_;
  cudnnConvolutionFwdAlgo_t algorithm_{};
  std::size_t workspace_bytes_ = 0;
};

}  // namespace

EnginePointer legacy_convolution(const Gpu& gpu, const ConvolutionCall& call, const Arithmetic& arithmetic) {
  return std::make_shared<LegacyConvolution>(gpu, call, arithmetic);
}

}  // namespace naslat::cudnn
