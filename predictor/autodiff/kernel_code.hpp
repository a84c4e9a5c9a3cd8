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

/// The first `count` of the values, or all; zeros for the others.
inline Vector load_some(const float* from, Index count) {
  Vector values = {};
  __builtin_memcpy(&values, from, static_cast<std::size_t>(count < kVector ? count : kVector) * sizeof(float));
  return values;
}

/// Some columns of C.
struct Target {
  float* data;
  Index stride, columns;
  const float* start;  ///< what the sums begin with in every row, for whole vectors; null: with what C holds
  bool rectified;
};

/// Rows×(Vectors·kVector) values of C: the sums stay in registers over the whole depth.
template <Index Rows, Index Vectors>
inline void tile(const Left& a, const Panel& b, Index depth, const Target& c) {
  Vector sum[Rows][Vectors];
#pragma GCC unroll 16
  for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (Index v = 0; v < Vectors; ++v) {
      const Index first = v * kVector;
      sum[i][v] = c.start != nullptr ? *reinterpret_cast<const Vector*>(c.start + first)
                                     : load_some(c.data + i * c.stride + first, c.columns - first);
    }
  }
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
#pragma GCC unroll 16
  for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (Index v = 0; v < Vectors; ++v) {
      const Index first = v * kVector;
      float* const to = c.data + i * c.stride + first;
      const Vector value = c.rectified ? (sum[i][v] > 0 ? sum[i][v] : Vector{}) : sum[i][v];
      if (c.columns == Vectors * kVector) {
        *reinterpret_cast<Vector*>(to) = value;
      } else {
        store_some(value, to, c.columns - first);
      }
    }
  }
}

/// The last rows, fewer than a tile has, in one pass over the panel.
template <Index Rows, Index Vectors>
void last_rows(const Left& a, const Panel& b, const Product& p, Index row, const Target& c) {
  if constexpr (Rows > 0) {
    if (p.m - row < Rows) return last_rows<Rows - 1, Vectors>(a, b, p, row, c);
    tile<Rows, Vectors>({a.data + row * a.row, a.row, a.column}, b, p.k,
                        {c.data + row * c.stride, c.stride, c.columns, c.start, c.rectified});
  }
}

template <Index Vectors>
void panel_product(const Left& a, const Panel& b, const Product& p, const Target& c) {
  Index row = 0;
  for (; row + kTileRows <= p.m; row += kTileRows) {
    tile<kTileRows, Vectors>({a.data + row * a.row, a.row, a.column}, b, p.k,
                             {c.data + row * c.stride, c.stride, c.columns, c.start, c.rectified});
  }
  last_rows<kTileRows - 1, Vectors>(a, b, p, row, c);
}

/// Few rows times a transposed matrix: Cᵀ = B·op(A)ᵀ, so that the few values are rearranged and not the many.
void multiply_swapped(const Product& p, const float* a, const float* b, const float* bias, float* c, float* scratch) {
  const Product swapped = {.m = p.n, .n = p.m, .k = p.k, .transpose_b = !p.transpose_a};
  const Panel panel = pack<kVector>(swapped, a, 0, p.m, scratch);
  float start[kVector] = {}, part[kTileRows * kVector];
  for (Index row = 0; row < p.n; row += kTileRows) {
    const Index rows = p.n - row < kTileRows ? p.n - row : kTileRows;
    const Product some = {.m = rows, .n = kVector, .k = p.k};
    panel_product<1>({b + row * p.k, p.k, 1}, panel, some, {part, kVector, kVector, start, false});
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < p.m; ++j) {
        float* const to = c + j * p.n + row + i;
        const float value = part[i * kVector + j] + (p.added ? *to : bias != nullptr ? bias[row + i] : 0);
        *to = p.rectified && !(value > 0) ? 0 : value;
      }
    }
  }
}

void multiply_by_tiles(const Product& p, const float* a, const float* b, const float* bias, float* c, float* scratch) {
  if (p.transpose_b && p.m <= kVector) return multiply_swapped(p, a, b, bias, c, scratch);
  const Left left = p.transpose_a ? Left{a, 1, p.m} : Left{a, p.k, 1};
  for (Index first = 0; first < p.n; first += kPanel) {
    const Index columns = p.n - first < kPanel ? p.n - first : kPanel;
    float start[kPanel] = {};
    if (bias != nullptr) __builtin_memcpy(start, bias + first, static_cast<std::size_t>(columns) * sizeof(float));
    const Target target = {c + first, p.n, columns, p.added ? nullptr : start, p.rectified};
    if (columns == kPanel && !p.transpose_b) {
      panel_product<2>(left, {b + first, p.n}, p, target);
    } else if (columns > kVector) {
      panel_product<2>(left, pack<kPanel>(p, b, first, columns, scratch), p, target);
    } else {
      panel_product<1>(left, pack<kVector>(p, b, first, columns, scratch), p, target);
    }
  }
}

/// Count·Width columns of one row of S·x: the sums stay in registers.
template <Index Width, Index Count>
inline void sum_row(const SparseRows& s, Index row, const float* x, float* y, Index columns) {
  typedef float Lanes __attribute__((vector_size(Width * sizeof(float)), aligned(sizeof(float)), may_alias));
  Lanes sum[Count] = {};
  for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
    const float* const from = x + static_cast<Index>(s.column[e]) * columns;
#pragma GCC unroll 4
    for (Index i = 0; i < Count; ++i) sum[i] += s.value[e] * reinterpret_cast<const Lanes*>(from)[i];
  }
#pragma GCC unroll 4
  for (Index i = 0; i < Count; ++i) reinterpret_cast<Lanes*>(y)[i] = sum[i];
}

void sum_rows(const SparseRows& s, const float* x, float* y, Index columns) {
  for (Index row = 0; row < s.rows; ++row, y += columns) {
    Index j = 0;
    for (; j + 4 * kVector <= columns; j += 4 * kVector) sum_row<kVector, 4>(s, row, x + j, y + j, columns);
    for (; j + kVector <= columns; j += kVector) sum_row<kVector, 1>(s, row, x + j, y + j, columns);
    for (; j + 4 <= columns; j += 4) sum_row<4, 1>(s, row, x + j, y + j, columns);
    for (; j < columns; ++j) sum_row<1, 1>(s, row, x + j, y + j, columns);
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

}  // namespace

}  // namespace naslat
