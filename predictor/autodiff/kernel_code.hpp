#pragma once

// Compiled once per instruction set. Everything here is local to the file that includes it and no library header is
// used, so nothing compiled for a wider instruction set can be chosen by the linker for the rest of the program
// (tests/predictor/isa_objects_test.cmake holds the objects to it).

#include "predictor/autodiff/product_code.hpp"

namespace naslat {

namespace {

/// Count·Width columns of one row of S·x, or of max(0, S·x + bias), from `first` on: the sums stay in registers.
template <Index Width, Index Count>
inline void sum_row(const SparseRows& s, Index row, const float* x, const float* bias, float* y, Index columns,
                    Index first) {
  typedef float Lanes __attribute__((vector_size(Width * sizeof(float)), aligned(sizeof(float)), may_alias));
  Lanes sum[Count] = {};
  if (bias != nullptr) {
#pragma GCC unroll 4
    for (Index i = 0; i < Count; ++i) sum[i] = reinterpret_cast<const Lanes*>(bias + first)[i];
  }
  for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
    const float* const from = x + static_cast<Index>(s.column[e]) * columns + first;
#pragma GCC unroll 4
    for (Index i = 0; i < Count; ++i) sum[i] += s.value[e] * reinterpret_cast<const Lanes*>(from)[i];
  }
#pragma GCC unroll 4
  for (Index i = 0; i < Count; ++i) {
    const Lanes rectified = sum[i] > 0 ? sum[i] : Lanes{};
    reinterpret_cast<Lanes*>(y + first)[i] = bias != nullptr ? rectified : sum[i];
  }
}

void sum_rows(const SparseRows& s, const float* x, const float* bias, float* y, Index columns) {
  for (Index row = 0; row < s.rows; ++row, y += columns) {
    Index j = 0;
    for (; j + 4 * kVector <= columns; j += 4 * kVector) sum_row<kVector, 4>(s, row, x, bias, y, columns, j);
    for (; j + kVector <= columns; j += kVector) sum_row<kVector, 1>(s, row, x, bias, y, columns, j);
    for (; j + 4 <= columns; j += 4) sum_row<4, 1>(s, row, x, bias, y, columns, j);
    for (; j < columns; ++j) sum_row<1, 1>(s, row, x, bias, y, columns, j);
  }
}

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
  for (Index i = 0; i < rows; ++i, x += columns, y += columns) {
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
