#pragma once

// Compiled once per instruction set. Everything here is local to the file that includes it and no library header is
// used, so nothing compiled for a wider instruction set can be chosen by the linker for the rest of the program
// (tests/predictor/isa_objects_test.cmake holds the objects to it).

#include "predictor/autodiff/kernels.hpp"

namespace naslat {

namespace {

using Index = std::ptrdiff_t;

#if defined(__AVX512F__)
constexpr Index kVector = 16, kTileRows = 12;  // 24 of 32 registers accumulate
#elif defined(__AVX2__)
constexpr Index kVector = 8, kTileRows = 6;  // 12 of 16
#else
constexpr Index kVector = 4, kTileRows = 6;
#endif
constexpr Index kPanel = 2 * kVector;  // columns of B multiplied at once
typedef float Vector __attribute__((vector_size(kVector * sizeof(float)), aligned(sizeof(float)), may_alias));

/// op(A): element (i, k) is at data[i·row + k·column].
struct Left {
  const float* data;
  Index row, column;
};

/// Some columns of op(B): row k begins at data + k·stride and may be read for whole vectors.
struct Panel {
  const float* data;
  Index stride;
};

typedef float Four __attribute__((vector_size(16), aligned(sizeof(float)), may_alias));

/// to[k·stride + j] = from[j·depth + k] for j, k below 4.
inline void transpose_four(const float* from, Index depth, float* to, Index stride) {
  const auto row = [&](Index j) { return *reinterpret_cast<const Four*>(from + j * depth); };
  const Four a = row(0), b = row(1), c = row(2), d = row(3);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *reinterpret_cast<Four*>(to) = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *reinterpret_cast<Four*>(to + 2 * stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + 3 * stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/// Copies columns first..first+count of op(B) into rows of `Width` values, zeros beyond the last column.
template <Index Width>
Panel pack(const Product& p, const float* b, Index first, Index count, float* panel) {
  if (count < Width) __builtin_memset(panel, 0, static_cast<std::size_t>(Width * p.k) * sizeof(float));
  if (p.transpose_b) {
    const float* const from = b + first * p.k;
    const Index whole_k = p.k - p.k % 4, whole_j = count - count % 4;
    for (Index j = 0; j < whole_j; j += 4) {
      for (Index k = 0; k < whole_k; k += 4) transpose_four(from + j * p.k + k, p.k, panel + k * Width + j, Width);
    }
    for (Index j = 0; j < count; ++j) {
      for (Index k = j < whole_j ? whole_k : 0; k < p.k; ++k) panel[k * Width + j] = from[j * p.k + k];
    }
  } else {
    for (Index k = 0; k < p.k; ++k) {
      const float* const from = b + k * p.n + first;
      for (Index j = 0; j < count; ++j) panel[k * Width + j] = from[j];
    }
  }
  return {panel, Width};
}

/// The first `count` of the values, or all.
inline void store_some(const Vector& values, float* to, Index count) {
  const float* const from = reinterpret_cast<const float*>(&values);
  Index stored = 0;
#pragma GCC unroll 4
  for (Index four = 0; four < kVector; four += 4) {
    if (four + 4 > count) continue;
    *reinterpret_cast<Four*>(to + four) = *reinterpret_cast<const Four*>(from + four);
    stored = four + 4;
  }
#pragma GCC unroll 1
  for (; stored < count && stored < kVector; ++stored) to[stored] = from[stored];
}

/// Rows×(Vectors·kVector) values of C: the sums stay in registers over the whole depth.
template <Index Rows, Index Vectors>
inline void tile(const Left& a, const Panel& b, Index depth, float* c, Index stride, Index columns) {
  Vector sum[Rows][Vectors] = {};
  for (Index k = 0; k < depth; ++k) {
    Vector right[Vectors];
#pragma GCC unroll 2
    for (Index v = 0; v < Vectors; ++v) {
      right[v] = *reinterpret_cast<const Vector*>(b.data + k * b.stride + v * kVector);
    }
#pragma GCC unroll 16
    for (Index i = 0; i < Rows; ++i) {
      const float left = a.data[i * a.row + k * a.column];
#pragma GCC unroll 2
      for (Index v = 0; v < Vectors; ++v) sum[i][v] += left * right[v];
    }
  }
  if (columns == Vectors * kVector) {
#pragma GCC unroll 16
    for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
      for (Index v = 0; v < Vectors; ++v) *reinterpret_cast<Vector*>(c + i * stride + v * kVector) = sum[i][v];
    }
    return;
  }
#pragma GCC unroll 16
  for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (Index v = 0; v < Vectors; ++v) store_some(sum[i][v], c + i * stride + v * kVector, columns - v * kVector);
  }
}

/// The last rows, fewer than a tile has, in one pass over the panel.
template <Index Rows, Index Vectors>
void last_rows(const Left& a, const Panel& b, const Product& p, Index row, float* c, Index columns) {
  if constexpr (Rows > 0) {
    if (p.m - row < Rows) return last_rows<Rows - 1, Vectors>(a, b, p, row, c, columns);
    tile<Rows, Vectors>({a.data + row * a.row, a.row, a.column}, b, p.k, c + row * p.n, p.n, columns);
  }
}

template <Index Vectors>
void panel_product(const Left& a, const Panel& b, const Product& p, float* c, Index columns) {
  Index row = 0;
  for (; row + kTileRows <= p.m; row += kTileRows) {
    tile<kTileRows, Vectors>({a.data + row * a.row, a.row, a.column}, b, p.k, c + row * p.n, p.n, columns);
  }
  last_rows<kTileRows - 1, Vectors>(a, b, p, row, c, columns);
}

void multiply_by_tiles(const Product& p, const float* a, const float* b, float* c, float* scratch) {
  const Left left = p.transpose_a ? Left{a, 1, p.m} : Left{a, p.k, 1};
  for (Index first = 0; first < p.n; first += kPanel) {
    const Index columns = p.n - first < kPanel ? p.n - first : kPanel;
    if (columns == kPanel && !p.transpose_b) {
      panel_product<2>(left, {b + first, p.n}, p, c + first, columns);
    } else if (columns > kVector) {
      panel_product<2>(left, pack<kPanel>(p, b, first, columns, scratch), p, c + first, columns);
    } else {
      panel_product<1>(left, pack<kVector>(p, b, first, columns, scratch), p, c + first, columns);
    }
  }
}

template <typename T>
void sum_rows(const SparseRows& s, const T* x, T* __restrict y, Index columns) {
  for (Index row = 0; row < s.rows; ++row, y += columns) {
    for (Index j = 0; j < columns; ++j) y[j] = 0;
    for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
      const T* const from = x + static_cast<Index>(s.column[e]) * columns;
      const T weight = static_cast<T>(s.value[e]);
      for (Index j = 0; j < columns; ++j) y[j] += weight * from[j];
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

}  // namespace

}  // namespace naslat
