#pragma once

#include <cstddef>
#include <cstdint>

namespace naslat {

/// A matrix product over raw row-major memory: C (m×n) = op(A)·op(B), op(X) = Xᵀ where the flag is set.
struct Product {
  std::ptrdiff_t m, n, k;
  bool transpose_a = false, transpose_b = false;
  bool added = false;      ///< to what C holds
  bool rectified = false;  ///< C = max(0, …)
};

/// A sparse matrix by rows: row r has the entries begin[r]..begin[r + 1]-1.
struct SparseRows {
  std::ptrdiff_t rows, columns;
  const std::size_t* begin;
  const std::uint32_t* column;
  const float* value;
};

constexpr std::ptrdiff_t kDepth = 256;       ///< columns of a factor looked at together
constexpr std::ptrdiff_t kStagedRow = 276;   ///< a row of them and what a vector may write beyond, not a power of two
constexpr std::ptrdiff_t kWidestPanel = 32;  ///< two of the widest vectors

/// Floats that a product works in, at addresses that are multiples of 64 if it shall be fast.
[[nodiscard]] constexpr std::ptrdiff_t scratch_size(const Product& p) {
  const std::ptrdiff_t staged = kWidestPanel * kDepth + kStagedRow * (p.m + 1);
  const std::ptrdiff_t transposed = p.k * (p.m + p.n + 2 * kWidestPanel) + p.m * p.n + kWidestPanel;
  return p.transpose_a && transposed > staged ? transposed : staged;
}

constexpr std::ptrdiff_t kSparsePanel = 112;  ///< columns of a sparse product's factor copied at once, at most
[[nodiscard]] constexpr std::ptrdiff_t scratch_size(const SparseRows& s) { return s.columns * kSparsePanel; }

/// The loops that training spends its time in, compiled once per instruction set.
struct Kernels {
  const char* name;  ///< "avx512", "avx2" or "baseline"
  /// @param bias n values added to every row, or null
  void (*multiply)(const Product& product, const float* a, const float* b, const float* bias, float* c, float* scratch);
  /// y = S·x or, with a bias, y = max(0, S·x + bias); x has `columns` columns. @param bias of each column, or null
  void (*multiply_sparse)(const SparseRows& s, const float* x, const float* bias, float* y, std::ptrdiff_t columns,
                          float* scratch);
  /// y = x where by > 0, else 0.
  void (*gate)(const float* x, const float* by, float* y, std::ptrdiff_t count);
  void (*add)(const float* a, const float* b, float* y, std::ptrdiff_t count);  ///< y = a + b
  /// y = base + factor·a∘b. @param base null for zeros
  void (*multiply_add)(const float* base, const float* a, const float* b, float factor, float* y, std::ptrdiff_t count);
  /// Every row of x, element-wise, by `row`.
  void (*multiply_row)(const float* x, const float* row, float* y, std::ptrdiff_t rows, std::ptrdiff_t columns);
  /// The sum of a's rows or, with b, of the rows of a∘b. @param b null for ones
  void (*sum_columns)(const float* a, const float* b, float* y, std::ptrdiff_t rows, std::ptrdiff_t columns);
};

extern const Kernels kBaselineKernels, kAvx2Kernels, kAvx512Kernels;

/// Those for the widest vector instructions of this processor; the choice is made once per process.
[[nodiscard]] const Kernels& kernels();

// ---- what the tape calls: single precision by the kernels above, double precision for checks (double_kernels.cpp)

template <typename T>
void multiply(const Product& product, const T* a, const T* b, const T* bias, T* c);
template <typename T>
void multiply_sparse(const SparseRows& s, const T* x, const T* bias, T* y, std::ptrdiff_t columns);
template <typename T>
void gate(const T* x, const T* by, T* y, std::ptrdiff_t count);
template <typename T>
void add(const T* a, const T* b, T* y, std::ptrdiff_t count);
template <typename T>
void multiply_add(const T* base, const T* a, const T* b, T factor, T* y, std::ptrdiff_t count);
template <typename T>
void multiply_row(const T* x, const T* row, T* y, std::ptrdiff_t rows, std::ptrdiff_t columns);
template <typename T>
void sum_columns(const T* a, const T* b, T* y, std::ptrdiff_t rows, std::ptrdiff_t columns);

}  // namespace naslat
