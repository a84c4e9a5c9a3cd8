#pragma once

#include <cstddef>

namespace naslat {

/// A matrix product over raw row-major memory: C (m×n) = op(A)·op(B), op(X) = Xᵀ where the flag is set.
struct Product {
  std::ptrdiff_t m, n, k;
  bool transpose_a, transpose_b;
};

/// Single precision by the widest vector instructions of this processor; the choice is made once per process.
void multiply(const Product& product, const float* a, const float* b, float* c);
/// Double precision, for checks.
void multiply(const Product& product, const double* a, const double* b, double* c);

/// "avx512", "avx2" or "baseline": which kernel the single-precision product uses here.
[[nodiscard]] const char* product_kernel();

}  // namespace naslat
