#pragma once

// Vectors of the instruction set that the including file is compiled for, by the compilers' own extensions. For
// kernel_code.hpp only.

#include <cstddef>

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
typedef float Vector __attribute__((vector_size(kVector * sizeof(float)), may_alias));
typedef int Bits __attribute__((vector_size(kVector * sizeof(int)), may_alias));
typedef float Four __attribute__((vector_size(16), may_alias));

// In memory they lie anywhere. Values of these types on the stack are what GCC 14's address sanitizer misplaces.
typedef Vector VectorInMemory __attribute__((aligned(sizeof(float))));
typedef Bits BitsInMemory __attribute__((aligned(sizeof(int))));
typedef Four FourInMemory __attribute__((aligned(sizeof(float))));

/// The first `count` of the values, at most kVector; zeros for the others.
inline Vector load_some(const float* from, Index count) {
  Vector values = {};
  float* const to = reinterpret_cast<float*>(&values);
  Index i = 0;
  for (; i + 4 <= count && i < kVector; i += 4)
    *reinterpret_cast<FourInMemory*>(to + i) = *reinterpret_cast<const FourInMemory*>(from + i);
#pragma GCC unroll 1
  for (; i < count && i < kVector; ++i) to[i] = from[i];
  return values;
}

inline void store_some(const float* values, Index count, float* to) {
  Index i = 0;
  for (; i + 4 <= count; i += 4)
    *reinterpret_cast<FourInMemory*>(to + i) = *reinterpret_cast<const FourInMemory*>(values + i);
#pragma GCC unroll 1
  for (; i < count; ++i) to[i] = values[i];
}

inline void store(const Vector& values, float* to) { *reinterpret_cast<VectorInMemory*>(to) = values; }
inline Vector load(const float* from) { return *reinterpret_cast<const VectorInMemory*>(from); }
inline Bits load_bits(const float* from) { return *reinterpret_cast<const BitsInMemory*>(from); }

inline Vector permute(const Vector& values, const Bits& order) {
#ifdef __clang__
  return __builtin_shufflevector(values, order);
#else
  return __builtin_shuffle(values, order);
#endif
}

// Shuffles of two vectors, alike in each four of their lanes; lanes of the second begin at kVector.
#if defined(__AVX512F__)
#define NASLAT_FOURS(a, b, c, d)                                                                                    \
  a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4, (a) + 8, (b) + 8, (c) + 8, (d) + 8, (a) + 12, (b) + 12, (c) + 12, \
      (d) + 12
#elif defined(__AVX2__)
#define NASLAT_FOURS(a, b, c, d) a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4
#else
#define NASLAT_FOURS(a, b, c, d) a, b, c, d
#endif
#define NASLAT_SHUFFLE(x, y, a, b, c, d) __builtin_shufflevector(x, y, NASLAT_FOURS(a, b, c, d))

/// Four values of each fourth row, beginning with `row`: kVector in all. The last row stands for those there are not.
inline Vector every_fourth(const float* from, Index stride, Index row, Index rows) {
  const auto four = [&](Index i) {
    const Index at = row + 4 * i < rows ? row + 4 * i : rows - 1;
    return Four(*reinterpret_cast<const FourInMemory*>(from + at * stride));
  };
#if defined(__AVX512F__)
  const auto low = __builtin_shufflevector(four(0), four(1), 0, 1, 2, 3, 4, 5, 6, 7);
  const auto high = __builtin_shufflevector(four(2), four(3), 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif defined(__AVX2__)
  return __builtin_shufflevector(four(0), four(1), 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return four(0);
#endif
}

struct FourRows {
  Vector row[4];
};

/// row[k][j] = from[j·stride + k], j below kVector; the last of `rows` stands for those there are not.
inline FourRows transpose_four(const float* from, Index stride, Index rows) {
  const Vector a = every_fourth(from, stride, 0, rows), b = every_fourth(from, stride, 1, rows),
               c = every_fourth(from, stride, 2, rows), d = every_fourth(from, stride, 3, rows);
  const Vector ab_low = NASLAT_SHUFFLE(a, b, 0, kVector, 1, kVector + 1);
  const Vector ab_high = NASLAT_SHUFFLE(a, b, 2, kVector + 2, 3, kVector + 3);
  const Vector cd_low = NASLAT_SHUFFLE(c, d, 0, kVector, 1, kVector + 1);
  const Vector cd_high = NASLAT_SHUFFLE(c, d, 2, kVector + 2, 3, kVector + 3);
  return {{NASLAT_SHUFFLE(ab_low, cd_low, 0, 1, kVector, kVector + 1),
           NASLAT_SHUFFLE(ab_low, cd_low, 2, 3, kVector + 2, kVector + 3),
           NASLAT_SHUFFLE(ab_high, cd_high, 0, 1, kVector, kVector + 1),
           NASLAT_SHUFFLE(ab_high, cd_high, 2, 3, kVector + 2, kVector + 3)}};
}

#undef NASLAT_SHUFFLE
#undef NASLAT_FOURS

/// Asks for what is read later in the order of memory, which is how it comes fastest: panels and short rows would ask
/// for a line here and a line there. Nothing need be there.
template <typename T>
inline void prefetch(const T* from, Index count) {
  constexpr Index kLine = 64 / sizeof(T);
  for (Index i = 0; i < count; i += kLine) __builtin_prefetch(from + i);
}

}  // namespace

}  // namespace naslat
