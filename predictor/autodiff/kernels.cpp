#include "predictor/autodiff/kernels.hpp"

#include <Eigen/Core>
#include <algorithm>

#include "predictor/autodiff/kernel_code.hpp"

namespace naslat {

const Kernels kBaselineKernels = {"baseline",  multiply_by_tiles, sum_rows,
                                  gate_values, add_values,        multiply_add_values};

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

template <>
void multiply(const Product& product, const float* a, const float* b, const float* bias, float* c) {
  thread_local Eigen::ArrayXf scratch;  // grows to this thread's deepest product and stays
  if (scratch.size() < kProductScratch * product.k) scratch.resize(kProductScratch * product.k);
  kernels().multiply(product, a, b, bias, c, scratch.data());
}
template <>
void multiply(const Product& p, const double* a, const double* b, const double* bias, double* c) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> left(a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k);
  const Eigen::Map<const Matrix> right(b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n);
  const Matrix op_a = p.transpose_a ? Matrix(left.transpose()) : Matrix(left);
  const Matrix op_b = p.transpose_b ? Matrix(right.transpose()) : Matrix(right);
  Eigen::Map<Matrix> result(c, p.m, p.n);
  if (!p.added) result.setZero();
  result.noalias() += op_a * op_b;
  if (bias != nullptr) result.rowwise() += Eigen::Map<const Eigen::RowVectorXd>(bias, p.n);
  if (p.rectified) result = result.cwiseMax(0);
}

template <>
void multiply_sparse(const SparseRows& s, const float* x, float* y, std::ptrdiff_t columns) {
  kernels().multiply_sparse(s, x, y, columns);
}
template <>
void multiply_sparse(const SparseRows& s, const double* x, double* y, std::ptrdiff_t columns) {
  for (std::ptrdiff_t row = 0; row < s.rows; ++row, y += columns) {
    std::fill_n(y, columns, 0.0);
    for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) {
        y[j] += static_cast<double>(s.value[e]) * x[static_cast<std::ptrdiff_t>(s.column[e]) * columns + j];
      }
    }
  }
}

template <>
void gate(const float* x, const float* by, float* y, std::ptrdiff_t count) {
  kernels().gate(x, by, y, count);
}
template <>
void gate(const double* x, const double* by, double* y, std::ptrdiff_t count) {
  gate_values(x, by, y, count);
}

template <>
void add(const float* a, const float* b, float* y, std::ptrdiff_t count) {
  kernels().add(a, b, y, count);
}
template <>
void add(const double* a, const double* b, double* y, std::ptrdiff_t count) {
  add_values(a, b, y, count);
}

template <>
void multiply_add(const float* base, const float* a, const float* b, float factor, float* y, std::ptrdiff_t count) {
  kernels().multiply_add(base, a, b, factor, y, count);
}
template <>
void multiply_add(const double* base, const double* a, const double* b, double factor, double* y,
                  std::ptrdiff_t count) {
  multiply_add_values(base, a, b, factor, y, count);
}

}  // namespace naslat
