#include "predictor/autodiff/kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "predictor/autodiff/tape.hpp"
#include "spaces/random.hpp"

namespace naslat {
namespace {

/// Those this processor can run.
std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> list = {&kBaselineKernels};
#ifdef NASLAT_ISA_KERNELS
  const std::string_view best = kernels().name;
  if (best != "baseline") list.push_back(&kAvx2Kernels);
  if (best == "avx512") list.push_back(&kAvx512Kernels);
#endif
  return list;
}

std::vector<float> draws(std::size_t count, Rng& rng) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<int>(rng.below(9)) - 4);
  return values;
}

/// A stored matrix some of whose columns are zero, as a ReLU leaves them.
std::vector<float> draws_with_dark_columns(std::ptrdiff_t rows, std::ptrdiff_t columns, Rng& rng) {
  std::vector<float> values = draws(static_cast<std::size_t>(rows * columns), rng);
  const std::uint64_t dark = rng.below(4);  // in four
  for (std::ptrdiff_t column = 0; column < columns; ++column) {
    if (rng.below(4) >= dark) continue;
    for (std::ptrdiff_t row = 0; row < rows; ++row) values[static_cast<std::size_t>(row * columns + column)] = 0;
  }
  return values;
}

/// Whole numbers below 5: every sum is exact, so every kernel must agree to the last bit.
TEST(Kernels, MultiplyEveryShapeExactly) {
  Rng rng(5);
  for (int i = 0; i < 600; ++i) {
    const auto side = [&rng] {
      const std::uint64_t size = rng.below(16);
      return static_cast<std::ptrdiff_t>(1 + rng.below(size == 0 ? 600 : size < 4 ? 130 : 40));
    };
    const auto coin = [&rng] { return rng.below(2) == 1; };
    const Product p = {side(), side(), side(), coin(), coin(), coin(), coin()};
    const std::vector<float> a = draws_with_dark_columns(p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, rng),
                             b = draws_with_dark_columns(p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, rng),
                             bias = draws(static_cast<std::size_t>(p.n), rng),
                             before = draws(static_cast<std::size_t>(p.m * p.n), rng);
    const bool biased = !p.added && coin();
    const auto exactly = [](const std::vector<float>& values) {
      return std::vector<double>(values.begin(), values.end());
    };
    std::vector<double> exact = exactly(before);
    multiply(p, exactly(a).data(), exactly(b).data(), biased ? exactly(bias).data() : nullptr, exact.data());
    for (const Kernels* const kernels : runnable()) {
      std::vector<float> c(before), scratch(static_cast<std::size_t>(scratch_size(p)), std::nanf(""));
      kernels->multiply(p, a.data(), b.data(), biased ? bias.data() : nullptr, c.data(), scratch.data());
      ASSERT_EQ(exactly(c), exact) << kernels->name << ": " << p.m << "x" << p.n << "x" << p.k << " " << p.transpose_a
                                   << p.transpose_b << p.added << p.rectified << biased;
    }
  }
}

TEST(Kernels, AddAndMultiplyElementByElement) {
  Rng rng(8);
  for (const std::size_t count : {1U, 15U, 16U, 37U, 200U}) {
    const std::vector<float> base = draws(count, rng), a = draws(count, rng), b = draws(count, rng);
    for (const Kernels* const kernels : runnable()) {
      std::vector<float> sum(count), product(count), step(count), in_place(base);
      kernels->add(a.data(), b.data(), sum.data(), std::ssize(sum));
      kernels->multiply_add(nullptr, a.data(), b.data(), 3, product.data(), std::ssize(product));
      kernels->multiply_add(base.data(), a.data(), b.data(), -1, step.data(), std::ssize(step));
      kernels->multiply_add(in_place.data(), a.data(), b.data(), 2, in_place.data(), std::ssize(in_place));
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(sum[i], a[i] + b[i]) << kernels->name;
        ASSERT_EQ(product[i], 3 * a[i] * b[i]) << kernels->name;
        ASSERT_EQ(step[i], base[i] - a[i] * b[i]) << kernels->name;
        ASSERT_EQ(in_place[i], base[i] + 2 * a[i] * b[i]) << kernels->name;
      }
    }
  }
}

TEST(Kernels, MultiplyRowsAndSumThem) {
  Rng rng(9);
  for (const std::size_t rows : {1U, 4U, 7U, 10U}) {
    const std::size_t columns = 1 + 5 * rows * rows;
    const std::vector<float> a = draws(rows * columns, rng), b = draws(rows * columns, rng), row = draws(columns, rng);
    for (const Kernels* const kernels : runnable()) {
      std::vector<float> scaled(a.size()), sums(columns), dots(columns);
      const auto m = static_cast<std::ptrdiff_t>(rows), n = static_cast<std::ptrdiff_t>(columns);
      kernels->multiply_row(a.data(), row.data(), scaled.data(), m, n);
      kernels->sum_columns(a.data(), nullptr, sums.data(), m, n);
      kernels->sum_columns(a.data(), b.data(), dots.data(), m, n);
      for (std::size_t j = 0; j < columns; ++j) {
        float sum = 0, dot = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          const std::size_t at = i * columns + j;
          ASSERT_EQ(scaled[at], a[at] * row[j]) << kernels->name;
          sum += a[at];
          dot += a[at] * b[at];
        }
        ASSERT_EQ(sums[j], sum) << kernels->name;
        ASSERT_EQ(dots[j], dot) << kernels->name;
      }
    }
  }
}

TEST(Kernels, GateAndSumRowsAlike) {
  Rng rng(6);
  for (const std::size_t n : {3U, 16U, 37U, 100U, 113U, 250U}) {
    const std::vector<float> x = draws(5 * n, rng), by = draws(5 * n, rng);
    const std::vector<std::size_t> begin = {0, 2, 2, 5};
    const std::vector<std::uint32_t> column = {0, 4, 1, 2, 3};
    const std::vector<float> value = {1, -2, 3, 1, 1};
    for (const Kernels* const kernels : runnable()) {
      std::vector<float> gated(x.size()), sums(3 * n), scratch(5 * kSparsePanel);
      kernels->gate(x.data(), by.data(), gated.data(), std::ssize(x));
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(gated[i], by[i] > 0 ? x[i] : 0) << kernels->name;
      kernels->multiply_sparse({3, 5, begin.data(), column.data(), value.data()}, x.data(), nullptr, sums.data(),
                               std::ssize(x) / 5, scratch.data());
      for (std::size_t j = 0; j < n; ++j) {
        ASSERT_EQ(sums[j], x[j] - 2 * x[4 * n + j]) << kernels->name;
        ASSERT_EQ(sums[n + j], 0) << kernels->name;
        ASSERT_EQ(sums[2 * n + j], 3 * x[n + j] + x[2 * n + j] + x[3 * n + j]) << kernels->name;
      }
      kernels->multiply_sparse({3, 5, begin.data(), column.data(), value.data()}, x.data(), by.data(), sums.data(),
                               std::ssize(x) / 5, scratch.data());
      for (std::size_t j = 0; j < n; ++j) {
        ASSERT_EQ(sums[j], std::max(by[j] + x[j] - 2 * x[4 * n + j], 0.0F)) << kernels->name;
        ASSERT_EQ(sums[n + j], std::max(by[j], 0.0F)) << kernels->name;
      }
    }
  }
}

/// Rows that are read often are read from copies, all columns at once or some after the others.
TEST(Kernels, SumRowsThatAreReadOften) {
  Rng rng(7);
  constexpr std::size_t kRows = 40, kEntries = 30;
  for (const std::size_t read : {1U, 8U, 63U, 145U, 300U}) {  // rows
    SparseMatrix::Rows s;
    for (std::size_t row = 0; row < kRows; ++row) {
      const std::size_t entries = row % 7 == 3 ? 0 : kEntries;
      for (std::size_t i = 0; i < entries; ++i)
        s.add(rng.below(read), i % 3 == 0 ? -0.5F : 2.0F);  // products are exact
      s.end_row();
    }
    for (const std::size_t n : {5U, 16U, 37U, 100U, 113U, 250U}) {
      const std::vector<float> x = draws(read * n, rng), bias = draws(n, rng);
      for (const Kernels* const kernels : runnable()) {
        std::vector<float> sums(kRows * n), scratch(read * kSparsePanel);
        const SparseRows rows{kRows, static_cast<std::ptrdiff_t>(read), s.begin.data(), s.column.data(),
                              s.value.data()};
        for (const float* const start : {static_cast<const float*>(nullptr), bias.data()}) {
          kernels->multiply_sparse(rows, x.data(), start, sums.data(), static_cast<std::ptrdiff_t>(n), scratch.data());
          for (std::size_t i = 0; i < kRows * n; ++i) {
            float sum = start != nullptr ? start[i % n] : 0;
            for (std::size_t e = s.begin[i / n]; e < s.begin[i / n + 1]; ++e) {
              sum += s.value[e] * x[s.column[e] * n + i % n];
            }
            ASSERT_EQ(sums[i], start != nullptr ? std::max(sum, 0.0F) : sum)
                << kernels->name << ' ' << read << ' ' << n << ' ' << i;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace naslat
