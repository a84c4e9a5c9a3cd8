// A cuBLASLt that multiplies on the processor, in f32. Descriptors keep what they are told in their opaque words.
#include <cublasLt.h>

#include <cstring>

#include "tests/measure/call_loops.hpp"

namespace {
enum Word { kEpilogue, kBias };                 // of a product
enum LayoutWord { kRows, kColumns, kLeading };  // of a matrix
}  // namespace

extern "C" {

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* made, cublasComputeType_t, cudaDataType_t) {
  *made = new cublasLtMatmulDescOpaque_t{};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t made) {
  delete made;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t name,
                                              const void* value, size_t bytes) {
  if (name == CUBLASLT_MATMUL_DESC_EPILOGUE) std::memcpy(&product->data[kEpilogue], value, bytes);
  if (name == CUBLASLT_MATMUL_DESC_BIAS_POINTER) std::memcpy(&product->data[kBias], value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* made, cudaDataType_t, uint64_t rows, uint64_t columns,
                                          int64_t leading) {
  *made = new cublasLtMatrixLayoutOpaque_t{};
  (*made)->data[kRows] = rows;
  (*made)->data[kColumns] = columns;
  (*made)->data[kLeading] = static_cast<uint64_t>(leading);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t made) {
  delete made;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t, int,
                                              cublasLtMatmulHeuristicResult_t results[], int* count) {
  results[0] = {};
  *count = 1;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t product, const void*, const void* weights,
                              cublasLtMatrixLayout_t weights_layout, const void* src, cublasLtMatrixLayout_t src_layout,
                              const void* beta, const void* addend, cublasLtMatrixLayout_t, void* dst,
                              cublasLtMatrixLayout_t, const cublasLtMatmulAlgo_t*, void*, size_t, cudaStream_t) {
  const auto n = [](uint64_t extent) { return static_cast<std::int64_t>(extent); };
  const uint64_t epilogue = product->data[kEpilogue];
  const naslat::cudnn::MatmulCall call{.rows = n(src_layout->data[kColumns]),
                                       .in = n(src_layout->data[kRows]),
                                       .out = n(weights_layout->data[kColumns]),
                                       .src_stride = n(src_layout->data[kLeading]),
                                       .bias = (epilogue & CUBLASLT_EPILOGUE_BIAS) != 0,
                                       .add = *static_cast<const float*>(beta) == 1,
                                       .relu = (epilogue & CUBLASLT_EPILOGUE_RELU) != 0};
  naslat::cudnn::test::run(call, {{dst, const_cast<void*>(src), const_cast<void*>(weights),
                                   reinterpret_cast<void*>(product->data[kBias]), const_cast<void*>(addend)}});
  return CUBLAS_STATUS_SUCCESS;
}
}
