#include "predictor/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "spaces/random.hpp"

namespace naslat {
namespace {

using List = std::vector<double>;

TEST(Spearman, IsThatOfATextbookExample) {  // IQ and hours of television, d² sums to 194 over 10 people: 1 - 6·194/990
  const List iq = {106, 100, 86, 101, 99, 103, 97, 113, 112, 110}, hours = {7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
  EXPECT_NEAR(spearman(iq, hours), -29.0 / 165.0, 1e-12);
}

TEST(Spearman, GivesTiesTheirMeanRank) {  // ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4
  EXPECT_NEAR(spearman(List{1, 2, 2, 3}, List{1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5), 1e-12);
}

TEST(Correlations, AreOneForAnyRisingMapAndZeroForAConstant) {
  const List a = {0.3, 7, 2, 5, 1};
  List rising, falling;
  for (const double x : a) rising.push_back(std::exp(x)), falling.push_back(-x);
  EXPECT_NEAR(spearman(a, rising), 1, 1e-12);
  EXPECT_NEAR(kendall(a, rising), 1, 1e-12);
  EXPECT_NEAR(spearman(a, falling), -1, 1e-12);
  EXPECT_NEAR(kendall(a, falling), -1, 1e-12);
  EXPECT_EQ(spearman(a, List(5, 3.0)), 0);
  EXPECT_EQ(kendall(a, List(5, 3.0)), 0);
}

TEST(Kendall, IsThatOfPairCountingWithTies) {
  Rng rng(11);
  for (int round = 0; round < 50; ++round) {
    List a, b;
    for (int i = 0; i < 30; ++i) {
      a.push_back(static_cast<double>(rng.below(12)));
      b.push_back(static_cast<double>(rng.below(8)));
    }
    double agreement = 0, pairs_a = 0, pairs_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const double x = a[i] - a[j], y = b[i] - b[j];
        agreement += x * y > 0 ? 1 : x * y < 0 ? -1 : 0;
        pairs_a += x != 0;
        pairs_b += y != 0;
      }
    }
    ASSERT_NEAR(kendall(a, b), agreement / std::sqrt(pairs_a * pairs_b), 1e-12);
  }
}

TEST(Errors, AreRelativeToTheMeasurement) {
  const List measured = {10, 10, 10, 20}, predicted = {10.4, 9.0, 12, 20};
  EXPECT_NEAR(median_ape(predicted, measured), 0.07, 1e-12);  // of 0, 0.04, 0.1, 0.2
  EXPECT_EQ(share_within(predicted, measured, 0.05), 0.5);
  EXPECT_EQ(share_within(predicted, measured, 0.5), 1);
}

TEST(Summaries, AreThoseOfTheirDefinitions) {
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(mean(List{1, 2, 6}), 3);
  EXPECT_NEAR(standard_deviation(List{1, 2, 6}), std::sqrt(7), 1e-12);
  EXPECT_EQ(standard_deviation(List{4}), 0);
}

}  // namespace
}  // namespace naslat
