// The operations that cuDNN lacks, or serves as separate launches: one kernel each and per way of storing tensors,
// named e.g. elementwise_f16. What they compute is in kernel_elements.hpp.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "measure/backends/cudnn/kernel_elements.hpp"

namespace naslat::cudnn {
namespace {

/// A warp shares a row.
struct Warp {
  __device__ Index first() const { return threadIdx.x % warpSize; }
  __device__ Index count() const { return warpSize; }
  __device__ float sum(float x) const {
    for (int distance = warpSize / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffff, x, distance);
    return x;
  }
  __device__ float largest(float x) const {
    for (int distance = warpSize / 2; distance > 0; distance /= 2) {
      x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, distance));
    }
    return x;
  }
};

template <typename T, typename Parameters>
__device__ __forceinline__ void every_element(const Parameters& parameters, const Pointers& at) {
  T* const dst = static_cast<T*>(at.at[0]);
  for (Index i = blockIdx.x * blockDim.x + threadIdx.x; i < parameters.count; i += gridDim.x * blockDim.x) {
    dst[i] = static_cast<T>(element<T>(parameters, at, i));
  }
}

/// All lanes of a warp have the same row, so that they meet in every sum.
template <typename T, typename Parameters>
__device__ __forceinline__ void every_row(const Parameters& parameters, const Pointers& at) {
  T* const dst = static_cast<T*>(at.at[0]);
  const Index warps = blockDim.x / warpSize;
  for (Index r = blockIdx.x * warps + threadIdx.x / warpSize; r < parameters.rows; r += gridDim.x * warps) {
    row<T>(parameters, at, r, Warp{}, [&](Index i, float x) { dst[i] = static_cast<T>(x); });
  }
}

}  // namespace
}  // namespace naslat::cudnn

using namespace naslat::cudnn;

#define NASLAT_KERNEL(each, Parameters, name, suffix, T)                                    \
  extern "C" __global__ void name##_##suffix(const __grid_constant__ Parameters parameters, \
                                             const __grid_constant__ Pointers at) {         \
    each<T>(parameters, at);                                                                \
  }
#define NASLAT_KERNELS(each, Parameters, name)       \
  NASLAT_KERNEL(each, Parameters, name, f32, float)  \
  NASLAT_KERNEL(each, Parameters, name, f16, __half) \
  NASLAT_KERNEL(each, Parameters, name, bf16, __nv_bfloat16)

NASLAT_KERNELS(every_element, Elementwise, elementwise)
NASLAT_KERNELS(every_element, AveragePooling, average_pooling)
NASLAT_KERNELS(every_element, DepthwiseConvolution, depthwise_convolution)
NASLAT_KERNELS(every_element, Shuffling, shuffling)
NASLAT_KERNELS(every_element, Embedding, embedding)
NASLAT_KERNELS(every_element, Copying, copying)
NASLAT_KERNELS(every_element, Concatenation, concatenation)
NASLAT_KERNELS(every_element, Context, context)
NASLAT_KERNELS(every_row, GlobalPooling, global_pooling)
NASLAT_KERNELS(every_row, Normalisation, normalisation)
NASLAT_KERNELS(every_row, SoftmaxRows, softmax)
NASLAT_KERNELS(every_row, Scores, scores)
