#pragma once

// Compiled once per instruction set. Everything here is local to the file that includes it and no library header is
// used, so nothing compiled for a wider instruction set can be chosen by the linker for the rest of the program
// (tests/predictor/isa_objects_test.cmake holds the objects to it).

#include "predictor/autodiff/element_code.hpp"
#include "predictor/autodiff/product_code.hpp"

namespace naslat {

namespace {

/// Some vectors of columns of every row of x: row k begins at data + k·stride. The last vector is at `last`, which may
/// be within the one before.
struct Columns {
  const float* data;
  Index stride, last;
};

/// The same columns of S·x or, with a bias, of max(0, S·x + bias), row after row: the sums stay in registers.
/// @param bias and @param y begin with the first of `Count` vectors, whose last is at `last`
template <Index Count>
void sum_rows_of(const SparseRows& s, const Columns& x, const float* bias, float* y, Index stride, Index last) {
  const auto at = [](Index i, Index last_at) { return i + 1 < Count ? i * kVector : last_at; };
  for (Index row = 0; row < s.rows; ++row, y += stride) {
    Vector sum[Count] = {};
    if (bias != nullptr) {
#pragma GCC unroll 7
      for (Index i = 0; i < Count; ++i) sum[i] = load(bias + at(i, last));
    }
    for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
      const float* const from = x.data + static_cast<Index>(s.column[e]) * x.stride;
#pragma GCC unroll 7
      for (Index i = 0; i < Count; ++i) sum[i] += s.value[e] * load(from + at(i, x.last));
    }
#pragma GCC unroll 7
    for (Index i = 0; i < Count; ++i) {
      const Vector rectified = sum[i] > 0 ? sum[i] : Vector{};
      store(bias != nullptr ? rectified : sum[i], y + at(i, last));
    }
  }
}

/// The same for as many vectors as there are.
template <Index Count>
void sum_columns_of(Index vectors, const SparseRows& s, const Columns& x, const float* bias, float* y, Index stride,
                    Index last) {
  if constexpr (Count > 1) {
    if (vectors < Count) return sum_columns_of<Count - 1>(vectors, s, x, bias, y, stride, last);
  }
  sum_rows_of<Count>(s, x, bias, y, stride, last);
}

/// The same for rows of less than a vector.
inline void sum_short_rows(const SparseRows& s, const float* x, const float* bias, float* y, Index columns) {
  for (Index row = 0; row < s.rows; ++row, y += columns) {
    for (Index j = 0; j < columns; ++j) {
      float sum = bias != nullptr ? bias[j] : 0;
      for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
        sum += s.value[e] * x[static_cast<Index>(s.column[e]) * columns + j];
      }
      y[j] = bias != nullptr && !(sum > 0) ? 0 : sum;
    }
  }
}

void sum_rows(const SparseRows& s, const float* x, const float* bias, float* y, Index columns, float* scratch) {
  constexpr Index kTogether = 7, kFew = 4;  // vectors: HELP's whole row where they are widest; what hides an addition
  constexpr Index kFirstCache = 28 << 10;   // bytes of it
  constexpr std::size_t kOften = 16;
  constexpr auto kRow = static_cast<Index>(kTogether * sizeof(Vector));
  static_assert(kTogether * kVector <= kSparsePanel);
  if (columns < kVector) return sum_short_rows(s, x, bias, y, columns);
  // What is read often is read from a copy: on cache lines, and some columns of it in the first cache.
  const bool copies = s.begin[s.rows] >= kOften * static_cast<std::size_t>(s.columns);
  const Index together = copies && s.columns * kRow > kFirstCache ? kFew : kTogether;
  for (Index first = 0; first < columns; first += together * kVector) {
    const Index rest = (columns - first + kVector - 1) / kVector, vectors = rest < together ? rest : together;
    const Index end = first + vectors * kVector, last = (end < columns ? end : columns) - kVector - first;
    Columns from = {x + first, columns, last};
    if (copies) {
      from = {scratch, vectors * kVector, (vectors - 1) * kVector};
      for (Index k = 0; k < s.columns; ++k) {
        for (Index i = 0; i < vectors; ++i) {
          const Index at = i + 1 < vectors ? i * kVector : last;
          store(load(x + k * columns + first + at), scratch + k * from.stride + i * kVector);
        }
      }
    }
    sum_columns_of<kTogether>(vectors, s, from, bias != nullptr ? bias + first : nullptr, y + first, columns, last);
  }
}

}  // namespace

}  // namespace naslat
