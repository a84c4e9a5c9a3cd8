#include "predictor/autodiff/gemm.hpp"

#include "predictor/autodiff/gemm_kernel.hpp"

namespace naslat {

#ifdef NASLAT_ISA_KERNELS
void multiply_avx2(const Product& product, const float* a, const float* b, float* c);
void multiply_avx512(const Product& product, const float* a, const float* b, float* c);
#endif

namespace {

void multiply_baseline(const Product& product, const float* a, const float* b, float* c) {
  eigen_multiply(product, a, b, c);
}

struct Kernel {
  const char* name;
  void (*multiply)(const Product&, const float*, const float*, float*);
};

Kernel choose_kernel() {
#ifdef NASLAT_ISA_KERNELS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return {"avx512", multiply_avx512};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"avx2", multiply_avx2};
#endif
  return {"baseline", multiply_baseline};
}

const Kernel& kernel() {
  static const Kernel chosen = choose_kernel();
  return chosen;
}

}  // namespace

void multiply(const Product& product, const float* a, const float* b, float* c) { kernel().multiply(product, a, b, c); }
void multiply(const Product& product, const double* a, const double* b, double* c) { eigen_multiply(product, a, b, c); }
const char* product_kernel() { return kernel().name; }

}  // namespace naslat
