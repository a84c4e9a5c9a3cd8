#pragma once

// Loops over elements, in single precision for kernel_code.hpp, in double for double_kernels.cpp.

#include "predictor/autodiff/vector_code.hpp"

namespace naslat {

namespace {

template <typename T>
void gate_values(const T* x, const T* by, T* __restrict y, Index count) {
  for (Index i = 0; i < count; ++i) {
    const T value = x[i];
    y[i] = by[i] > 0 ? value : 0;
  }
}

// Here y may be one of the inputs: the compiler looks whether it is.
template <typename T>
void add_values(const T* a, const T* b, T* y, Index count) {
  for (Index i = 0; i < count; ++i) y[i] = a[i] + b[i];
}

template <typename T>
void multiply_add_values(const T* base, const T* a, const T* b, T factor, T* y, Index count) {
  if (base == nullptr) {
    for (Index i = 0; i < count; ++i) y[i] = factor * a[i] * b[i];
  } else {
    for (Index i = 0; i < count; ++i) y[i] = base[i] + factor * a[i] * b[i];
  }
}

template <typename T>
void multiply_row_values(const T* x, const T* row, T* __restrict y, Index rows, Index columns) {
  constexpr Index kAhead = 512;  // values
  for (Index i = 0; i < rows; ++i, x += columns, y += columns) {
    prefetch(x + kAhead, columns);
    prefetch(y + kAhead, columns);
    for (Index j = 0; j < columns; ++j) y[j] = x[j] * row[j];
  }
}

/// y += the sum of Count rows of a or, with b, of a∘b, one after the other.
template <Index Count, typename T>
inline void add_rows(const T* a, const T* b, T* __restrict y, Index columns) {
  for (Index j = 0; j < columns; ++j) {
    T sum = y[j];
#pragma GCC unroll 4
    for (Index i = 0; i < Count; ++i)
      sum += b != nullptr ? a[i * columns + j] * b[i * columns + j] : a[i * columns + j];
    y[j] = sum;
  }
}

template <typename T>
void sum_column_values(const T* a, const T* b, T* y, Index rows, Index columns) {
  constexpr Index kTogether = 4;
  for (Index j = 0; j < columns; ++j) y[j] = 0;
  for (Index row = 0; row < rows;) {
    const Index at = row * columns;
    const T* const by = b != nullptr ? b + at : nullptr;
    if (row + kTogether <= rows) {
      add_rows<kTogether>(a + at, by, y, columns);
      row += kTogether;
    } else {
      add_rows<1>(a + at, by, y, columns);
      ++row;
    }
  }
}

}  // namespace

}  // namespace naslat
