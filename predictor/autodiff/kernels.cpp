#include "predictor/autodiff/kernels.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>

#include "measure/arena.hpp"
#include "predictor/autodiff/kernel_code.hpp"

namespace naslat {

const Kernels kBaselineKernels = {"baseline",          multiply_by_tiles,   sum_rows,         gate_values, add_values,
                                  multiply_add_values, multiply_row_values, sum_column_values};

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

namespace {

/// So many floats for this thread's kernels; grows to the largest need and stays.
float* scratch(std::ptrdiff_t floats) {
  thread_local MemoryBlock memory;
  const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
  if (memory.bytes() < bytes) memory = MemoryBlock(bytes, MemoryBlock::Pages::huge, MemoryBlock::Contents::anything);
  return reinterpret_cast<float*>(memory.data());
}

}  // namespace

template <>
void multiply(const Product& product, const float* a, const float* b, const float* bias, float* c) {
  kernels().multiply(product, a, b, bias, c, scratch(scratch_size(product)));
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
void multiply_sparse(const SparseRows& s, const float* x, const float* bias, float* y, std::ptrdiff_t columns) {
  kernels().multiply_sparse(s, x, bias, y, columns, scratch(scratch_size(s)));
}
template <>
void multiply_sparse(const SparseRows& s, const double* x, const double* bias, double* y, std::ptrdiff_t columns) {
  for (std::ptrdiff_t row = 0; row < s.rows; ++row, y += columns) {
    for (std::ptrdiff_t j = 0; j < columns; ++j) y[j] = bias != nullptr ? bias[j] : 0;
    for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) {
        y[j] += static_cast<double>(s.value[e]) * x[static_cast<std::ptrdiff_t>(s.column[e]) * columns + j];
      }
    }
    for (std::ptrdiff_t j = 0; bias != nullptr && j < columns; ++j) y[j] = std::max(y[j], 0.0);
  }
}

namespace {

/// y of a and b: by the kernel in single precision, by the plain loop in double.
template <typename T, typename... Sizes>
void element_wise(void (*Kernels::*kernel)(const float*, const float*, float*, Sizes...),
                  void (*loop)(const T*, const T*, T*, Sizes...), const T* a, const T* b, T* y, Sizes... sizes) {
  if constexpr (std::is_same_v<T, float>) {
    (kernels().*kernel)(a, b, y, sizes...);
  } else {
    loop(a, b, y, sizes...);
  }
}

}  // namespace

template <typename T>
void gate(const T* x, const T* by, T* y, std::ptrdiff_t count) {
  element_wise<T>(&Kernels::gate, gate_values<T>, x, by, y, count);
}
template <typename T>
void add(const T* a, const T* b, T* y, std::ptrdiff_t count) {
  element_wise<T>(&Kernels::add, add_values<T>, a, b, y, count);
}
template <typename T>
void multiply_row(const T* x, const T* row, T* y, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  element_wise<T>(&Kernels::multiply_row, multiply_row_values<T>, x, row, y, rows, columns);
}
template <typename T>
void sum_columns(const T* a, const T* b, T* y, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  element_wise<T>(&Kernels::sum_columns, sum_column_values<T>, a, b, y, rows, columns);
}

template <typename T>
void multiply_add(const T* base, const T* a, const T* b, T factor, T* y, std::ptrdiff_t count) {
  if constexpr (std::is_same_v<T, float>) {
    kernels().multiply_add(base, a, b, factor, y, count);
  } else {
    multiply_add_values(base, a, b, factor, y, count);
  }
}

template void gate(const float*, const float*, float*, std::ptrdiff_t);
template void gate(const double*, const double*, double*, std::ptrdiff_t);
template void add(const float*, const float*, float*, std::ptrdiff_t);
template void add(const double*, const double*, double*, std::ptrdiff_t);
template void multiply_add(const float*, const float*, const float*, float, float*, std::ptrdiff_t);
template void multiply_add(const double*, const double*, const double*, double, double*, std::ptrdiff_t);
template void multiply_row(const float*, const float*, float*, std::ptrdiff_t, std::ptrdiff_t);
template void multiply_row(const double*, const double*, double*, std::ptrdiff_t, std::ptrdiff_t);
template void sum_columns(const float*, const float*, float*, std::ptrdiff_t, std::ptrdiff_t);
template void sum_columns(const double*, const double*, double*, std::ptrdiff_t, std::ptrdiff_t);

}  // namespace naslat
