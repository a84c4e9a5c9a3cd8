#include "predictor/autodiff/kernels.hpp"

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
void multiply_sparse(const SparseRows& s, const float* x, const float* bias, float* y, std::ptrdiff_t columns) {
  kernels().multiply_sparse(s, x, bias, y, columns, scratch(scratch_size(s)));
}
template <>
void gate(const float* x, const float* by, float* y, std::ptrdiff_t count) {
  kernels().gate(x, by, y, count);
}
template <>
void add(const float* a, const float* b, float* y, std::ptrdiff_t count) {
  kernels().add(a, b, y, count);
}
template <>
void multiply_add(const float* base, const float* a, const float* b, float factor, float* y, std::ptrdiff_t count) {
  kernels().multiply_add(base, a, b, factor, y, count);
}
template <>
void multiply_row(const float* x, const float* row, float* y, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  kernels().multiply_row(x, row, y, rows, columns);
}
template <>
void sum_columns(const float* a, const float* b, float* y, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  kernels().sum_columns(a, b, y, rows, columns);
}

}  // namespace naslat
