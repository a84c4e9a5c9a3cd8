// A driver whose GPU is the processor: memory is the process's, and our kernels run as functions, in f32.
#include <cuda.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>

#include "measure/backends/cudnn/kernel_elements.hpp"
#include "tests/measure/one_lane.hpp"

namespace {

using namespace naslat::cudnn;
using Run = void (*)(const void* parameters, const Pointers& at, Index threads);

/// As kernels.cu has it, one thread after the other.
template <typename Parameters>
void run_elements(const void* parameters, const Pointers& at, Index threads) {
  const auto& p = *static_cast<const Parameters*>(parameters);
  for (Index thread = 0; thread < threads; ++thread) {
    for (Index i = thread; i < p.count; i += threads) static_cast<float*>(at.at[0])[i] = element<float>(p, at, i);
  }
}

template <typename Parameters>
void run_rows(const void* parameters, const Pointers& at, Index threads) {
  const auto& p = *static_cast<const Parameters*>(parameters);
  const auto put = [&](Index i, float x) { static_cast<float*>(at.at[0])[i] = x; };
  const Index warps = threads / 32;
  for (Index warp = 0; warp < warps; ++warp) {
    for (Index r = warp; r < p.rows; r += warps) row<float>(p, at, r, test::OneLane{}, put);
  }
}

std::unordered_map<std::string, Run>& kernels() {
  static std::unordered_map<std::string, Run> known = {
      {"elementwise_f32", run_elements<Elementwise>},
      {"average_pooling_f32", run_elements<AveragePooling>},
      {"shuffling_f32", run_elements<Shuffling>},
      {"depthwise_convolution_f32", run_elements<DepthwiseConvolution>},
      {"embedding_f32", run_elements<Embedding>},
      {"copying_f32", run_elements<Copying>},
      {"concatenation_f32", run_elements<Concatenation>},
      {"context_f32", run_elements<Context>},
      {"global_pooling_f32", run_rows<GlobalPooling>},
      {"normalisation_f32", run_rows<Normalisation>},
      {"softmax_f32", run_rows<SoftmaxRows>},
      {"scores_f32", run_rows<Scores>}};
  return known;
}

void* memory(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

}  // namespace

extern "C" {

CUresult cuDeviceGetName(char* name, int length, CUdevice) {
  std::strncpy(name, "NVIDIA Processor 1", static_cast<std::size_t>(length));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
  *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? 9 : 0;
  return CUDA_SUCCESS;
}
CUresult cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  *address = reinterpret_cast<CUdeviceptr>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  return CUDA_SUCCESS;
}
CUresult cuMemFree_v2(CUdeviceptr address) {
  std::free(memory(address));
  return CUDA_SUCCESS;
}
CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, size_t bytes) {
  std::memset(memory(address), value, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
  std::memcpy(memory(to), from, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  std::memcpy(to, memory(from), bytes);
  return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction* function, CUmodule, const char* name) {
  const auto known = kernels().find(name);
  if (known == kernels().end()) return CUDA_ERROR_NOT_FOUND;
  *function = reinterpret_cast<CUfunction>(known->second);
  return CUDA_SUCCESS;
}
CUresult cuLaunchKernel(CUfunction function, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned,
                        unsigned, CUstream, void** arguments, void**) {
  reinterpret_cast<Run>(function)(arguments[0], *static_cast<const Pointers*>(arguments[1]), blocks * threads);
  return CUDA_SUCCESS;
}
}
