#pragma once

#include <vector>

#include "measure/backends/cudnn/engine.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/cudnn/plan.hpp"
#include "measure/device.hpp"

namespace naslat::cudnn {

/// cuBLASLt's descriptors of a call; the bias's address is part of them. It thinks in columns: what is
/// dst = src · weightsᵀ in rows is dstᵀ = weights · srcᵀ to it, and the weights, row-major out×in, are the transpose of
/// a matrix in columns. @throws Unsupported where it refuses them
struct MatmulDescriptors {
  MatmulDescriptors(const CublasLtFunctions& functions, const MatmulCall& call, DataType dtype, const void* bias);
  ~MatmulDescriptors();
  MatmulDescriptors(const MatmulDescriptors&) = delete;
  MatmulDescriptors& operator=(const MatmulDescriptors&) = delete;

  const CublasLtFunctions& lt;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t weights = nullptr, src = nullptr, dst = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;  ///< what a heuristic may take for granted

 private:
  explicit MatmulDescriptors(const CublasLtFunctions& functions) : lt(functions) {}
};

/// The first algorithms of cuBLASLt's heuristics, `most` of them.
/// @param src_alignment  bytes that divide the source's address
/// @throws Unsupported where there is none
[[nodiscard]] std::vector<EnginePointer> matmuls(const Gpu& gpu, const MatmulCall& call, DataType dtype,
                                                 std::size_t src_alignment, std::size_t most);

}  // namespace naslat::cudnn
