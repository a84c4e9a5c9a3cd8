#include "predictor/autodiff/kernels.hpp"

#include <Eigen/Core>

#include "predictor/autodiff/kernel_code.hpp"

namespace naslat {

const Kernels kBaselineKernels = {"baseline", multiply_by_tiles, sum_rows, gate_values};

namespace {

const Kernels& choose_kernels() {
#ifdef NASLAT_ISA_KERNELS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return kAvx512Kernels;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    return kAvx2Kernels;
  }
#endif
  return kBaselineKernels;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose_kernels();
  return chosen;
}

void multiply(const Product& product, const float* a, const float* b, float* c) {
  thread_local Eigen::ArrayXf scratch;  // grows to this thread's deepest product and stays
  if (scratch.size() < kProductScratch * product.k) scratch.resize(kProductScratch * product.k);
  kernels().multiply(product, a, b, c, scratch.data());
}

void multiply(const Product& p, const double* a, const double* b, double* c) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> left(a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k);
  const Eigen::Map<const Matrix> right(b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n);
  const Matrix op_a = p.transpose_a ? Matrix(left.transpose()) : Matrix(left);
  const Matrix op_b = p.transpose_b ? Matrix(right.transpose()) : Matrix(right);
  Eigen::Map<Matrix>(c, p.m, p.n).noalias() = op_a * op_b;
}

void multiply_sparse(const SparseRows& s, const float* x, float* y, std::ptrdiff_t columns) {
  kernels().multiply_sparse(s, x, y, columns);
}
void multiply_sparse(const SparseRows& s, const double* x, double* y, std::ptrdiff_t columns) {
  sum_rows(s, x, y, columns);
}

void gate(const float* x, const float* by, float* y, std::ptrdiff_t count) { kernels().gate(x, by, y, count); }
void gate(const double* x, const double* by, double* y, std::ptrdiff_t count) { gate_values(x, by, y, count); }

}  // namespace naslat
