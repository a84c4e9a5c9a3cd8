#pragma once

// Compiled once per instruction set. Everything here is local to the file that includes it and no library header is
// used, so nothing compiled for a wider instruction set can be chosen by the linker for the rest of the program
// (tests/predictor/isa_objects_test.cmake holds the objects to it).

#include "predictor/autodiff/product_code.hpp"

namespace naslat {

namespace {

/// One row of S·x or, with a bias, of max(0, S·x + bias): Count vectors of columns from `first` on, the last of them
/// from `last` on, which may overlap the one before. The sums stay in registers.
template <Index Count>
void sum_row(const SparseRows& s, Index row, const float* x, const float* bias, float* y, Index columns, Index first,
             Index last) {
  const auto at = [&](Index i) { return i + 1 < Count ? first + i * kVector : last; };
  Vector sum[Count] = {};
  if (bias != nullptr) {
#pragma GCC unroll 7
    for (Index i = 0; i < Count; ++i) sum[i] = load(bias + at(i));
  }
  for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
    const float* const from = x + static_cast<Index>(s.column[e]) * columns;
#pragma GCC unroll 7
    for (Index i = 0; i < Count; ++i) sum[i] += s.value[e] * load(from + at(i));
  }
#pragma GCC unroll 7
  for (Index i = 0; i < Count; ++i) {
    const Vector rectified = sum[i] > 0 ? sum[i] : Vector{};
    store(bias != nullptr ? rectified : sum[i], y + at(i));
  }
}

/// The same for as many vectors as there are.
template <Index Count>
void sum_row_of(Index vectors, const SparseRows& s, Index row, const float* x, const float* bias, float* y,
                Index columns, Index first, Index last) {
  if constexpr (Count > 1) {
    if (vectors < Count) return sum_row_of<Count - 1>(vectors, s, row, x, bias, y, columns, first, last);
  }
  sum_row<Count>(s, row, x, bias, y, columns, first, last);
}

/// The same for a row of less than a vector.
inline void sum_short_row(const SparseRows& s, Index row, const float* x, const float* bias, float* y, Index columns) {
  for (Index j = 0; j < columns; ++j) {
    float sum = bias != nullptr ? bias[j] : 0;
    for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
      sum += s.value[e] * x[static_cast<Index>(s.column[e]) * columns + j];
    }
    y[j] = bias != nullptr && !(sum > 0) ? 0 : sum;
  }
}

void sum_rows(const SparseRows& s, const float* x, const float* bias, float* y, Index columns) {
  constexpr Index kTogether = 7;  // vectors: HELP's whole row where they are widest
  for (Index row = 0; row < s.rows; ++row, y += columns) {
    if (columns < kVector) sum_short_row(s, row, x, bias, y, columns);
    for (Index first = 0; first < columns && columns >= kVector; first += kTogether * kVector) {
      const Index rest = (columns - first + kVector - 1) / kVector, vectors = rest < kTogether ? rest : kTogether;
      const Index end = first + vectors * kVector;
      sum_row_of<kTogether>(vectors, s, row, x, bias, y, columns, first, (end < columns ? end : columns) - kVector);
    }
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
