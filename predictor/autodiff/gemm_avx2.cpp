#include "predictor/autodiff/gemm_kernel.hpp"

namespace naslat {

void multiply_avx2(const Product& product, const float* a, const float* b, float* c);

void multiply_avx2(const Product& product, const float* a, const float* b, float* c) {
  eigen_multiply(product, a, b, c);
}

}  // namespace naslat
