#include "predictor/autodiff/kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

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

/// Whole numbers below 5: every sum is exact, so every kernel must agree to the last bit.
TEST(Kernels, MultiplyEveryShapeExactly) {
  Rng rng(5);
  for (int i = 0; i < 300; ++i) {
    const auto side = [&rng] { return static_cast<std::ptrdiff_t>(1 + rng.below(rng.below(4) == 0 ? 130 : 40)); };
    const Product p = {side(), side(), side(), rng.below(2) == 1, rng.below(2) == 1};
    const std::vector<float> a = draws(static_cast<std::size_t>(p.m * p.k), rng),
                             b = draws(static_cast<std::size_t>(p.k * p.n), rng);
    std::vector<double> exact(static_cast<std::size_t>(p.m * p.n));
    multiply(p, std::vector<double>(a.begin(), a.end()).data(), std::vector<double>(b.begin(), b.end()).data(),
             exact.data());
    for (const Kernels* const kernels : runnable()) {
      std::vector<float> c(exact.size()), scratch(static_cast<std::size_t>(kProductScratch * p.k));
      kernels->multiply(p, a.data(), b.data(), c.data(), scratch.data());
      ASSERT_EQ(std::vector<double>(c.begin(), c.end()), exact)
          << kernels->name << ": " << p.m << "x" << p.n << "x" << p.k << " " << p.transpose_a << p.transpose_b;
    }
  }
}

TEST(Kernels, GateAndSumRowsAlike) {
  Rng rng(6);
  const std::vector<float> x = draws(5 * 37, rng), by = draws(5 * 37, rng);
  const std::vector<std::size_t> begin = {0, 2, 2, 5}, column = {0, 4, 1, 2, 3};
  const std::vector<float> value = {1, -2, 3, 1, 1};
  for (const Kernels* const kernels : runnable()) {
    std::vector<float> gated(x.size()), sums(3 * 37);
    kernels->gate(x.data(), by.data(), gated.data(), std::ssize(x));
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(gated[i], by[i] > 0 ? x[i] : 0) << kernels->name;
    kernels->multiply_sparse({3, begin.data(), column.data(), value.data()}, x.data(), sums.data(), 37);
    for (std::size_t j = 0; j < 37; ++j) {
      ASSERT_EQ(sums[j], x[j] - 2 * x[4 * 37 + j]) << kernels->name;
      ASSERT_EQ(sums[37 + j], 0) << kernels->name;
      ASSERT_EQ(sums[74 + j], 3 * x[37 + j] + x[74 + j] + x[111 + j]) << kernels->name;
    }
  }
}

}  // namespace
}  // namespace naslat
