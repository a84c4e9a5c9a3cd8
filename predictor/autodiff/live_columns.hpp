#pragma once

// A ReLU leaves many units dark for a whole batch: columns of zeros, which products need not touch. For
// kernel_code.hpp only.

#include "predictor/autodiff/kernels.hpp"
#include "predictor/autodiff/vector_code.hpp"

namespace naslat {

namespace {

/// A matrix in memory: element (i, j) at data[i·stride + j].
struct Stored {
  const float* data;
  Index stride;
};

/// Which of a matrix's columns, kDepth at most, hold anything but zeros.
struct LiveColumns {
  Index columns = 0, count = 0;
  Index index[kDepth];     ///< of the live ones, ascending
  Index position[kDepth];  ///< of each column: live ones before it
  struct Block {           // kVector columns; the last of several overlaps the one before
    Index first, begin;    ///< its first column, live columns before that
    Bits order;            ///< the live lanes first
    Bits rank, new_mask;   ///< of each lane: live ones before it; all bits where it is live and no block's before
  } blocks[kDepth / kVector];

  [[nodiscard]] Index block_count() const { return (columns + kVector - 1) / kVector; }
};

/// The bits of all rows of x together, for Count vectors of columns from `first` on.
template <Index Count>
inline void unite_rows(const Stored& x, Index rows, Index first, Bits* bits) {
  Bits sum[Count] = {};
  for (Index row = 0; row < rows; ++row) {
#pragma GCC unroll 8
    for (Index i = 0; i < Count; ++i) {
      sum[i] |= load_bits(x.data + row * x.stride + first + i * kVector);
    }
  }
#pragma GCC unroll 8
  for (Index i = 0; i < Count; ++i) bits[i] = sum[i];
}

/// Looks at every value once. @pre columns <= kDepth
void find_live_columns(const Stored& x, Index rows, Index columns, LiveColumns& live) {
  Bits bits[kDepth / kVector];
  Index first = 0;
  for (; columns - first >= 8 * kVector; first += 8 * kVector) unite_rows<8>(x, rows, first, bits + first / kVector);
  for (; columns - first >= 2 * kVector; first += 2 * kVector) unite_rows<2>(x, rows, first, bits + first / kVector);
  for (; columns - first >= kVector; first += kVector) unite_rows<1>(x, rows, first, bits + first / kVector);
  if (first < columns && first > 0) {
    unite_rows<1>(x, rows, columns - kVector, bits + first / kVector);
  } else if (first < columns) {
    bits[0] = Bits{};
    for (Index row = 0; row < rows; ++row) bits[0] |= load_some(x.data + row * x.stride, columns) != 0;
  }
  live.columns = columns;
  live.count = 0;
  for (Index b = 0; b < live.block_count(); ++b) {
    LiveColumns::Block& block = live.blocks[b];
    block.first = columns - b * kVector < kVector && b > 0 ? columns - kVector : b * kVector;
    block.new_mask = bits[b] != 0;
    int found = 0;
    for (int lane = 0; lane < kVector; ++lane) {
      block.rank[lane] = found;
      block.order[found] = lane;
      if (block.new_mask[lane] == 0) continue;
      ++found;
      if (block.first + lane < b * kVector) {
        block.new_mask[lane] = 0;
      } else {
        live.index[live.count++] = block.first + lane;
      }
    }
    block.begin = live.count - found;
    for (Index lane = 0; lane < kVector && block.first + lane < columns; ++lane) {
      live.position[block.first + lane] = block.begin + block.rank[lane];
    }
  }
}

/// The live columns of x side by side. Writes up to kVector values beyond the end of a row, before the next one.
void compress(const LiveColumns& live, const Stored& x, Index rows, float* to, Index stride) {
  for (Index row = 0; row < rows; ++row) {
    const float* const from = x.data + row * x.stride;
    for (Index b = 0; b < live.block_count(); ++b) {
      const LiveColumns::Block& block = live.blocks[b];
      const Vector values = live.columns < kVector ? load_some(from, live.columns) : load(from + block.first);
      store(permute(values, block.order), to + row * stride + block.begin);
    }
  }
}

/// Adds values of live columns to a row of all columns, of which there are kVector at least.
void add_expanded(const LiveColumns& live, const float* values, float* row) {
  for (Index b = 0; b < live.block_count(); ++b) {
    const LiveColumns::Block& block = live.blocks[b];
    const Vector spread = permute(load(values + block.begin), block.rank);
    const Vector added = block.new_mask != 0 ? spread : Vector{};
    store(load(row + block.first) + added, row + block.first);
  }
}

}  // namespace

}  // namespace naslat
