#pragma once

// Products of matrices. For kernel_code.hpp only.

#include "predictor/autodiff/live_columns.hpp"

namespace naslat {

namespace {

constexpr Index kPanel = 2 * kVector;  // columns of B multiplied at once
static_assert(kPanel <= kWidestPanel && kDepth + kVector <= kStagedRow);

/// Some columns of op(B): row k begins at data + index[k]·stride, or at data + k·stride where `index` is null, and may
/// be read for whole vectors.
struct Panel {
  const float* data;
  Index stride;
  const Index* index;
};

/// Some columns of C.
struct Target {
  float* data;
  Index stride, columns;
  const float* start;  ///< what the sums begin with in every row, for whole vectors; null: with what C holds
  bool rectified;
};

/// Copies columns first..first+count of B or, `transposed`, of Bᵀ to rows of `Width` values, anything beyond the last.
/// @param live the rows to copy, or null for all
template <Index Width>
Panel pack(const Stored& b, bool transposed, Index first, Index count, Index depth, const LiveColumns* live,
           float* panel) {
  if (transposed) {  // a dark row is overwritten by the next live one
    const auto row = [&](Index k) { return panel + (live != nullptr ? live->position[k] : k) * Width; };
    const float* const from = b.data + first * b.stride;
    const Index whole = depth - depth % 4;
    for (Index j = 0; j < count; j += kVector) {
      for (Index k = 0; k < whole; k += 4) {
        const FourRows rows = transpose_four(from + j * b.stride + k, b.stride, count - j);
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i) store(rows.row[i], row(k + i) + j);
      }
    }
    for (Index k = whole; k < depth; ++k) {
      for (Index j = 0; j < Width; ++j) row(k)[j] = j < count ? from[j * b.stride + k] : 0;
    }
  } else {
    const Index rows = live != nullptr ? live->count : depth;
    for (Index k = 0; k < rows; ++k) {
      const Index row = live != nullptr ? live->index[k] : k;
      const Index last = (depth - row) * b.stride - kVector;  // from where a whole vector is B's, if of the next row
      const float* const from = b.data + row * b.stride;
#pragma GCC unroll 2
      for (Index j = first; j < first + Width; j += kVector) {
        store(j <= last ? load(from + j) : load_some(from + j, first + count - j), panel + k * Width + j - first);
      }
    }
  }
  return {panel, Width, nullptr};
}

/// Rows×(Vectors·kVector) values of C: the sums stay in registers over the whole depth.
/// @tparam Row a's, known here so that the rows need no registers of their own
template <Index Rows, Index Vectors, Index Row>
void tile(const float* a, Index column, const Panel& b, Index depth, const Target& c) {
  Vector sum[Rows][Vectors];
#pragma GCC unroll 16
  for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (Index v = 0; v < Vectors; ++v) {
      sum[i][v] = load(c.start != nullptr ? c.start + v * kVector : c.data + i * c.stride + v * kVector);
    }
  }
  const auto add = [&](const float* left, const float* right_row) __attribute__((always_inline)) {
    Vector right[Vectors];
#pragma GCC unroll 2
    for (Index v = 0; v < Vectors; ++v) right[v] = load(right_row + v * kVector);
#pragma GCC unroll 16
    for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
      for (Index v = 0; v < Vectors; ++v) sum[i][v] += left[i * Row] * right[v];
    }
  };
  if (b.index == nullptr) {
    for (Index k = 0; k < depth; ++k) add(a + k * column, b.data + k * b.stride);
  } else {
    for (Index k = 0; k < depth; ++k) add(a + k * column, b.data + b.index[k] * b.stride);
  }
  if (c.rectified) {
#pragma GCC unroll 16
    for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
      for (Index v = 0; v < Vectors; ++v) sum[i][v] = sum[i][v] > 0 ? sum[i][v] : Vector{};
    }
  }
#pragma GCC unroll 16
  for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (Index v = 0; v < Vectors; ++v) store(sum[i][v], c.data + i * c.stride + v * kVector);
  }
}

/// The same for as many rows as there are.
template <Index Rows, Index Vectors, Index Row>
void tile_of(Index rows, const float* a, Index column, const Panel& b, Index depth, const Target& c) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return tile_of<Rows - 1, Vectors, Row>(rows, a, column, b, depth, c);
  }
  tile<Rows, Vectors, Row>(a, column, b, depth, c);
}

/// All rows of some columns of C; columns that do not fill the vectors go by a copy. @param column as in block_product
template <Index Vectors, Index Row>
void panel_product(const float* a, Index column, Index rows, const Panel& b, Index depth, const Target& c) {
  constexpr Index kWidth = Vectors * kVector;
  for (Index row = 0; row < rows; row += kTileRows) {
    const Index count = rows - row < kTileRows ? rows - row : kTileRows;
    float* const to = c.data + row * c.stride;
    if (c.columns == kWidth) {
      tile_of<kTileRows, Vectors, Row>(count, a + row * Row, column, b, depth,
                                       {to, c.stride, kWidth, c.start, c.rectified});
      continue;
    }
    float part[kTileRows * kWidth];
    if (c.start == nullptr) {
      for (Index i = 0; i < count; ++i) {
        for (Index j = 0; j < kWidth; j += kVector) {
          store(load_some(to + i * c.stride + j, c.columns - j), part + i * kWidth + j);
        }
      }
    }
    tile_of<kTileRows, Vectors, Row>(count, a + row * Row, column, b, depth,
                                     {part, kWidth, kWidth, c.start, c.rectified});
    for (Index i = 0; i < count; ++i) store_some(part + i * kWidth, c.columns, to + i * c.stride);
  }
}

/// C = A·op(B), panel by panel. @tparam Row and @param column element (i, k) of A is at a[i·Row + k·column]
/// @param live the rows of op(B) that A's columns meet, or null for all
template <Index Row>
void block_product(const float* a, Index column, const LiveColumns* live, const Product& p, const Stored& b,
                   const float* bias, float* c, float* scratch) {
  const Index depth = live != nullptr ? live->count : p.k;
  const bool few_rows = p.m < 2 * kTileRows && !p.transpose_b;  // B is read once or twice: not worth a copy
  if (few_rows) prefetch(b.data, p.k * b.stride);
  if (p.k < 2 * kTileRows) prefetch(c, p.m * p.n);
  for (Index first = 0; first < p.n; first += kPanel) {
    Index columns = p.n - first < kPanel ? p.n - first : kPanel;
    const Index width = columns > kVector ? kPanel : kVector;
    if (!p.added && columns < width && p.n >= width) {  // whole vectors, though some values come out twice
      first = p.n - width;
      columns = width;
    }
    float start[kPanel] = {};
    if (bias != nullptr) __builtin_memcpy(start, bias + first, static_cast<std::size_t>(columns) * sizeof(float));
    const Target target = {c + first, p.n, columns, p.added ? nullptr : start, p.rectified};
    if (columns == kPanel && few_rows) {
      const Panel panel = {b.data + first, b.stride, live != nullptr ? live->index : nullptr};
      panel_product<2, Row>(a, column, p.m, panel, depth, target);
    } else if (columns > kVector) {
      const Panel panel = pack<kPanel>(b, p.transpose_b, first, columns, p.k, live, scratch);
      panel_product<2, Row>(a, column, p.m, panel, depth, target);
    } else {
      const Panel panel = pack<kVector>(b, p.transpose_b, first, columns, p.k, live, scratch);
      panel_product<1, Row>(a, column, p.m, panel, depth, target);
    }
  }
}

/// C = Aᵀ·B, gradients of weights: their rows and columns are zero where a unit is dark.
void multiply_transposed(const Product& p, const float* a, const float* b, const float* bias, float* c,
                         float* scratch) {
  constexpr Index kFew = 32;  // rows, of which a product takes no longer than looking for zeros
  float* const columns = scratch + kPanel * p.k;
  const auto looked_at = [](Index count) { return count >= kVector && count <= kDepth; };
  if (p.k > kFew && !p.transpose_b && bias == nullptr && !p.rectified && looked_at(p.m) && looked_at(p.n)) {
    LiveColumns left, right;
    find_live_columns({a, p.m}, p.k, p.m, left);
    find_live_columns({b, p.n}, p.k, p.n, right);
    if (4 * left.count * right.count <= 3 * p.m * p.n) {
      float* const some_b = columns + p.k * (p.m + kVector);
      float* const some_c = some_b + p.k * (p.n + kVector);
      compress(left, {a, p.m}, p.k, columns, p.m + kVector);
      compress(right, {b, p.n}, p.k, some_b, p.n + kVector);
      const Product some = {.m = left.count, .n = right.count, .k = p.k, .transpose_a = true};
      block_product<1>(columns, p.m + kVector, nullptr, some, {some_b, p.n + kVector}, nullptr, some_c, scratch);
      if (!p.added) __builtin_memset(c, 0, static_cast<std::size_t>(p.m * p.n) * sizeof(float));
      for (Index i = 0; i < left.count; ++i) add_expanded(right, some_c + i * right.count, c + left.index[i] * p.n);
      return;
    }
  }
  block_product<1>(a, p.m, nullptr, p, {b, p.transpose_b ? p.k : p.n}, bias, c, scratch);
}

inline float sum_of(const Vector& values) {
  Four sum = {};
  for (Index i = 0; i < kVector; i += 4) sum += *(reinterpret_cast<const Four*>(&values) + i / 4);
  return sum[0] + sum[1] + sum[2] + sum[3];
}

/// Rows products of rows of A with b, for multiply_vector.
template <Index Rows>
inline void dots(const Product& p, const float* a, const float* b, const float* bias, float* c) {
  Vector sums[Rows] = {};
  Index whole = 0;
  for (; whole + kVector <= p.k; whole += kVector) {
#pragma GCC unroll 4
    for (Index i = 0; i < Rows; ++i) sums[i] += load(a + i * p.k + whole) * load(b + whole);
  }
  for (Index i = 0; i < Rows; ++i) {
    float sum = (p.added ? c[i] : bias != nullptr ? *bias : 0) + sum_of(sums[i]);
    for (Index k = whole; k < p.k; ++k) sum += a[i * p.k + k] * b[k];
    c[i] = p.rectified && !(sum > 0) ? 0 : sum;
  }
}

/// C = A·b, one column.
void multiply_vector(const Product& p, const float* a, const float* b, const float* bias, float* c) {
  Index i = 0;
  for (; i + 4 <= p.m; i += 4) dots<4>(p, a + i * p.k, b, bias, c + i);
  for (; i < p.m; ++i) dots<1>(p, a + i * p.k, b, bias, c + i);
}

/// Rows and columns lie in memory alike: the same product where fewer factors are transposed and, if C is one of them,
/// it is a row of whole rows or a column of dots.
Product straightened(Product p, const float*& a, const float*& b, bool biased) {
  if (p.m == 1 || p.k == 1) p.transpose_a = false;
  if (p.n == 1 || p.k == 1) p.transpose_b = false;
  if (!biased && ((p.n == 1 && p.transpose_a) || (p.m == 1 && p.transpose_b))) {
    const float* const left = a;
    a = b;
    b = left;
    return {p.n, p.m, p.k, false, false, p.added, p.rectified};
  }
  return p;
}

/// C = op(A)·op(B), kDepth columns of A after the others. @param scratch of scratch_size()
void multiply_by_tiles(const Product& any, const float* a, const float* b, const float* bias, float* c,
                       float* scratch) {
  const Product product = straightened(any, a, b, bias != nullptr);
  if (product.transpose_a) return multiply_transposed(product, a, b, bias, c, scratch);
  if (product.n == 1) return multiply_vector(product, a, b, bias, c);
  float* const staged = scratch + kPanel * kDepth;
  if (product.k < kVector) {
    for (Index k = 0; k < product.k; ++k) {
      for (Index i = 0; i < product.m; ++i) staged[k * product.m + i] = a[i * product.k + k];
    }
    const Stored right = {b, product.transpose_b ? product.k : product.n};
    return block_product<1>(staged, product.m, nullptr, product, right, bias, c, scratch);
  }
  LiveColumns live;
  for (Index first = 0; first < product.k; first += kDepth) {
    Product p = product;
    p.k = product.k - first < kDepth ? product.k - first : kDepth;
    p.added = product.added || first > 0;
    p.rectified = product.rectified && first + p.k == product.k;
    const Stored left = {a + first, product.k};
    const Stored right = p.transpose_b ? Stored{b + first, product.k} : Stored{b + first * p.n, p.n};
    find_live_columns(left, p.m, p.k, live);
    compress(live, left, p.m, staged, kStagedRow);
    block_product<kStagedRow>(staged, 1, live.count < p.k ? &live : nullptr, p, right, bias, c, scratch);
  }
}

}  // namespace

}  // namespace naslat
