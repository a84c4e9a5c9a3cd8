#include "measure/backends/cudnn/matmul.hpp"

#include <fmt/format.h>

#include <span>

#include "configs/errors.hpp"

namespace naslat::cudnn {

namespace {

constexpr std::size_t kWorkspaceLimit = std::size_t{32} << 20;  // what cuBLAS recommends for Hopper

cudaDataType_t cuda_type(DataType dtype) {
  if (dtype == DataType::f16) return CUDA_R_16F;
  return dtype == DataType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

void check(cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Unsupported(fmt::format("matmul's descriptors: cuBLASLt status {}", static_cast<int>(status)));
}

template <typename Value>
void set(const MatmulDescriptors& d, cublasLtMatmulDescAttributes_t name, const Value& value) {
  check(d.lt.cublasLtMatmulDescSetAttribute(d.operation, name, &value, sizeof value));
}

template <typename Value>
void set(const MatmulDescriptors& d, cublasLtMatmulPreferenceAttributes_t name, const Value& value) {
  check(d.lt.cublasLtMatmulPreferenceSetAttribute(d.preference, name, &value, sizeof value));
}

cublasLtEpilogue_t epilogue(const MatmulCall& call) {
  if (call.relu) return call.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  return call.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

}  // namespace

MatmulDescriptors::MatmulDescriptors(const CublasLtFunctions& functions, const MatmulCall& call, DataType dtype,
                                     const void* bias)
    : MatmulDescriptors(functions) {
  const cudaDataType_t type = cuda_type(dtype);
  const auto n = [](std::int64_t extent) { return static_cast<std::uint64_t>(extent); };
  const auto compute = dtype == DataType::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  check(lt.cublasLtMatmulDescCreate(&operation, compute, CUDA_R_32F));
  set(*this, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  set(*this, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  set(*this, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue(call));
  if (call.bias) set(*this, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  check(lt.cublasLtMatrixLayoutCreate(&weights, type, n(call.in), n(call.out), call.in));
  check(lt.cublasLtMatrixLayoutCreate(&src, type, n(call.in), n(call.rows), call.src_stride));
  check(lt.cublasLtMatrixLayoutCreate(&dst, type, n(call.out), n(call.rows), call.out));
  check(lt.cublasLtMatmulPreferenceCreate(&preference));
  set(*this, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceLimit);
}

MatmulDescriptors::~MatmulDescriptors() {
  if (operation != nullptr) static_cast<void>(lt.cublasLtMatmulDescDestroy(operation));
  if (preference != nullptr) static_cast<void>(lt.cublasLtMatmulPreferenceDestroy(preference));
  for (cublasLtMatrixLayout_t layout : {weights, src, dst}) {
    if (layout != nullptr) static_cast<void>(lt.cublasLtMatrixLayoutDestroy(layout));
  }
}

namespace {

class Matmul final : public Engine {
 public:
  Matmul(const Gpu& gpu, const MatmulCall& call, DataType dtype, const cublasLtMatmulHeuristicResult_t& found)
      : gpu_(gpu), call_(call), dtype_(dtype), algorithm_(found.algo), workspace_bytes_(found.workspaceSize) {
    std::size_t written = 0;
    static_cast<void>(gpu.libraries().cublas_lt.cublasLtMatmulAlgoConfigGetAttribute(
        &algorithm_, CUBLASLT_ALGO_CONFIG_ID, &id_, sizeof id_, &written));
  }

  [[nodiscard]] Launch bind(const Pointers& at, void* workspace) const override {
    const auto d = std::make_shared<const MatmulDescriptors>(gpu_.libraries().cublas_lt, call_, dtype_, at.at[3]);
    return [this, at, workspace, d] {
      constexpr float kOne = 1, kZero = 0;
      const void* const addend = call_.add ? at.at[4] : at.at[0];
      gpu_.check(gpu_.libraries().cublas_lt.cublasLtMatmul(gpu_.cublas_lt(), d->operation, &kOne, at.at[2], d->weights,
                                                           at.at[1], d->src, call_.add ? &kOne : &kZero, addend, d->dst,
                                                           at.at[0], d->dst, &algorithm_, workspace, workspace_bytes_,
                                                           gpu_.stream()),
                 "matmul");
    };
  }
  [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_bytes_; }
  [[nodiscard]] std::string name() const override {
    return fmt::format("matmul{}{}{} cublaslt:algorithm{}", call_.add ? "+add" : "", call_.bias ? "+bias" : "",
                       call_.relu ? "+relu" : "", id_);
  }

 private:
  const Gpu& gpu_;
  MatmulCall call_;
  DataType dtype_;
  cublasLtMatmulAlgo_t algorithm_;
  std::size_t workspace_bytes_;
  int id_ = 0;
};

}  // namespace

std::vector<EnginePointer> matmuls(const Gpu& gpu, const MatmulCall& call, DataType dtype, std::size_t src_alignment,
                                   std::size_t most) {
  const CublasLtFunctions& lt = gpu.libraries().cublas_lt;
  const void* const some_bias = reinterpret_cast<const void*>(kGpuAlignment);  // only its alignment counts
  const MatmulDescriptors d(lt, call, dtype, some_bias);
  set(d, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(src_alignment));
  std::vector<cublasLtMatmulHeuristicResult_t> found(most);
  int count = 0;
  const cublasStatus_t status =
      lt.cublasLtMatmulAlgoGetHeuristic(gpu.cublas_lt(), d.operation, d.weights, d.src, d.dst, d.dst, d.preference,
                                        static_cast<int>(most), found.data(), &count);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0) {
    throw Unsupported(fmt::format("no matmul algorithm: cuBLASLt status {}", static_cast<int>(status)));
  }
  std::vector<EnginePointer> engines;
  for (const auto& algorithm : std::span(found).first(static_cast<std::size_t>(count))) {
    if (algorithm.state == CUBLAS_STATUS_SUCCESS) {
      engines.push_back(std::make_shared<Matmul>(gpu, call, dtype, algorithm));
    }
  }
  if (engines.empty()) throw Unsupported("no matmul algorithm");
  return engines;
}

}  // namespace naslat::cudnn
