// A cuDNN without graphs that convolves on the processor, in f32. The algorithm that it prefers is the slowest by far.
#include <cudnn.h>

#include <chrono>

#include "tests/measure/call_loops.hpp"

struct cudnnTensorStruct {
  bool channels_last;
  std::int64_t n, c, h, w;
};
struct cudnnFilterStruct {
  std::int64_t kernel;
};
struct cudnnConvolutionStruct {
  std::int64_t padding, stride, groups;
};

extern "C" {

const char* cudnnGetErrorString(cudnnStatus_t) { return "not supported"; }
cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t, cudnnBackendDescriptor_t*) {
  return CUDNN_STATUS_NOT_SUPPORTED;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* made) {
  *made = new cudnnTensorStruct{};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* made) {
  *made = new cudnnFilterStruct{};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* made) {
  *made = new cudnnConvolutionStruct{};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t made) {
  delete made;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t made) {
  delete made;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t made) {
  delete made;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format, cudnnDataType_t,
                                         int n, int c, int h, int w) {
  *tensor = {format == CUDNN_TENSOR_NHWC, n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t, cudnnTensorFormat_t, int, int,
                                         int kernel, int) {
  *filter = {kernel};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int padding, int, int stride,
                                              int, int, int, cudnnConvolutionMode_t, cudnnDataType_t) {
  *convolution = {padding, stride, 1};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t convolution, int groups) {
  convolution->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                     const cudnnFilterDescriptor_t, const cudnnConvolutionDescriptor_t,
                                                     const cudnnTensorDescriptor_t, int, int* count,
                                                     cudnnConvolutionFwdAlgoPerf_t* candidates) {
  *count = 4;
  candidates[0] = {.algo = CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD, .status = CUDNN_STATUS_NOT_SUPPORTED};
  candidates[1] = {.algo = CUDNN_CONVOLUTION_FWD_ALGO_GEMM, .memory = 1024, .mathType = CUDNN_FMA_MATH};
  candidates[2] = {.algo = CUDNN_CONVOLUTION_FWD_ALGO_FFT, .mathType = CUDNN_FMA_MATH};  // it fails when it runs
  candidates[3] = {.algo = CUDNN_CONVOLUTION_FWD_ALGO_DIRECT, .memory = 512, .mathType = CUDNN_FMA_MATH};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t, const void*, const cudnnTensorDescriptor_t src, const void* x,
                                      const cudnnFilterDescriptor_t filter, const void* weights,
                                      const cudnnConvolutionDescriptor_t convolution,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t workspace_bytes,
                                      const void*, const cudnnTensorDescriptor_t dst, void* y) {
  if (algorithm == CUDNN_CONVOLUTION_FWD_ALGO_FFT) return CUDNN_STATUS_EXECUTION_FAILED;
  const auto start = std::chrono::steady_clock::now();
  while (algorithm == CUDNN_CONVOLUTION_FWD_ALGO_GEMM &&
         std::chrono::steady_clock::now() - start < std::chrono::microseconds(50)) {
  }
  for (size_t i = 0; i < workspace_bytes; ++i) static_cast<unsigned char*>(workspace)[i] = 0xff;  // it is scratched
  const naslat::cudnn::ConvolutionCall call{.batch = src->n,
                                            .in_channels = src->c,
                                            .in_height = src->h,
                                            .in_width = src->w,
                                            .out_channels = dst->c,
                                            .out_height = dst->h,
                                            .out_width = dst->w,
                                            .kernel = filter->kernel,
                                            .stride = convolution->stride,
                                            .padding = convolution->padding,
                                            .groups = convolution->groups};
  naslat::cudnn::test::run(call, {{y, const_cast<void*>(x), const_cast<void*>(weights)}}, src->channels_last);
  return CUDNN_STATUS_SUCCESS;
}
}
