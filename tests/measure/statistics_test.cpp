#include "measure/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "spaces/random.hpp"

namespace naslat {
namespace {

std::vector<double> one_to(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(TrimmedMean, DropsFiveOfFiftyAtEitherEnd) {
  std::vector<double> samples = one_to(50);  // 6..45 remain, mean 25.5
  samples[49] = 1e9;
  samples[0] = -1e9;
  EXPECT_DOUBLE_EQ(trimmed_mean(samples, 0.1), 25.5);
}

TEST(TrimmedMean, DropsNothingBelowTenSamplesAndOneOfTen) {
  EXPECT_DOUBLE_EQ(trimmed_mean(std::vector<double>{7}, 0.1), 7);
  EXPECT_DOUBLE_EQ(trimmed_mean(std::vector<double>{1, 4}, 0.1), 2.5);
  EXPECT_DOUBLE_EQ(trimmed_mean(std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1, 10}, 0.1), 2);
  EXPECT_DOUBLE_EQ(trimmed_mean(std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1, 1, 10}, 0.1), 1);
}

TEST(TrimmedMean, IgnoresOrderAndLiesWithinItsSamples) {
  Rng rng(3);
  for (int round = 0; round < 100; ++round) {
    std::vector<double> samples;
    for (std::uint64_t n = rng.below(60) + 1; n > 0; --n) samples.push_back(std::exp(rng.normal()));
    const double before = trimmed_mean(samples, 0.1);
    rng.shuffle(samples);
    EXPECT_DOUBLE_EQ(trimmed_mean(samples, 0.1), before);
    EXPECT_GE(before, *std::min_element(samples.begin(), samples.end()) * (1 - 1e-12));
    EXPECT_LE(before, *std::max_element(samples.begin(), samples.end()) * (1 + 1e-12));
  }
}

TEST(MedianAbsoluteDeviation, OfSamplesOneCanAddInTheHead) {
  EXPECT_DOUBLE_EQ(median_of({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(median_of({4, 1, 2, 3}), 2.5);
  EXPECT_DOUBLE_EQ(median_absolute_deviation(std::vector<double>{1, 1, 2, 2, 4, 6, 9}), 1);
}

TEST(StudentT, EqualsTheTables) {
  EXPECT_NEAR(student_t_95(1), 12.706, 1e-3);
  EXPECT_NEAR(student_t_95(10), 2.228, 1e-3);
  EXPECT_NEAR(student_t_95(11), 2.201, 1e-3);
  EXPECT_NEAR(student_t_95(39), 2.023, 1e-3);
  EXPECT_NEAR(student_t_95(1000), 1.962, 1e-3);
}

TEST(Interval, IsInfiniteForOneSampleZeroForEqualOnesAndNeverNan) {
  EXPECT_TRUE(std::isinf(interval_half_width(std::vector<double>{1}, 0.1)));
  EXPECT_DOUBLE_EQ(interval_half_width(std::vector<double>(50, 2.0), 0.1), 0);
  EXPECT_GT(interval_half_width(std::vector<double>{1, 2}, 0.1), 0);
}

/// Share of 4000 blocks of 50 AR(1) samples whose interval holds the true value.
double coverage(double correlation) {
  Rng rng(11);
  int covered = 0;
  constexpr int kBlocks = 4000;
  for (int block = 0; block < kBlocks; ++block) {
    std::vector<double> samples(50);
    double state = rng.normal();
    for (double& sample : samples) {
      state = correlation * state + std::sqrt(1 - correlation * correlation) * rng.normal();
      sample = 100 + state;
    }
    const double half = interval_half_width(samples, 0.1);
    covered += std::abs(trimmed_mean(samples, 0.1) - 100) <= half ? 1 : 0;
  }
  return static_cast<double>(covered) / kBlocks;
}

TEST(Interval, CoversAsTheNotesSimulatedForCorrelatedNoise) {  // measurement-notes 4, column "t with the factor"
  EXPECT_NEAR(coverage(0), 0.960, 0.015);
  EXPECT_NEAR(coverage(0.3), 0.939, 0.015);
  EXPECT_NEAR(coverage(0.6), 0.919, 0.015);
  EXPECT_NEAR(coverage(0.9), 0.857, 0.02);
}

std::vector<double> quiet_block(Rng& rng) {
  std::vector<double> samples(50);
  for (double& sample : samples) sample = 1 + 0.01 * rng.normal();
  return samples;
}

TEST(BlockQuality, SeesNothingInQuietBlocks) {
  Rng rng(5);
  int flagged = 0;
  for (int block = 0; block < 200; ++block) {
    const BlockQuality quality = inspect_block(quiet_block(rng), 0.1);
    flagged += !quality.steady() || quality.many_spikes || quality.two_modes ? 1 : 0;
  }
  EXPECT_LE(flagged, 2);
}

TEST(BlockQuality, SeesWhatWasPlanted) {
  Rng rng(5);
  std::vector<double> drifting = quiet_block(rng), spiky = quiet_block(rng), modal = quiet_block(rng);
  for (std::size_t i = 0; i < 50; ++i) {
    drifting[i] += 0.002 * static_cast<double>(i);
    if (i % 7 == 0) spiky[i] += 1;
    if (i % 10 < 3) modal[i] += 0.3;
  }
  const BlockQuality drift = inspect_block(drifting, 0.1);
  EXPECT_FALSE(drift.steady());
  EXPECT_TRUE(inspect_block(spiky, 0.1).many_spikes);
  EXPECT_EQ(inspect_block(spiky, 0.1).spikes, 8U);
  EXPECT_TRUE(inspect_block(modal, 0.1).two_modes);
  EXPECT_FALSE(inspect_block(spiky, 0.1).two_modes);
}

TEST(BlockQuality, ToleratesTinyAndConstantBlocks) {
  for (const std::size_t n : {0U, 1U, 2U, 9U, 10U}) {
    const BlockQuality quality = inspect_block(std::vector<double>(n, 0.5), 0.1);
    EXPECT_TRUE(quality.steady() && !quality.two_modes && quality.spikes == 0) << n;
  }
}

TEST(RelativeSpread, RunsFromTheFifthToTheNinetyFifthPercentile) {
  std::vector<double> values = one_to(101);
  EXPECT_DOUBLE_EQ(relative_spread(values), 90.0 / 51.0);
  EXPECT_DOUBLE_EQ(relative_spread({1}), 0);
}

/// As the definition has it: a gap above five deviations of either side, anywhere but near the ends.
bool has_two_modes(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t n = samples.size();
  for (std::size_t i = n / 5; i + 1 < n - n / 5; ++i) {
    const std::span low(samples.data(), i + 1), high(samples.data() + i + 1, n - i - 1);
    const double spread = std::max(median_absolute_deviation(low), median_absolute_deviation(high));
    if (samples[i + 1] - samples[i] > 5 * std::max(spread, 1e-6 * median_of(samples))) return true;
  }
  return false;
}

TEST(Statistics, TwoModesAreFoundWhereTheDefinitionHasThem) {
  Rng rng(4);
  int modal = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<double> samples(4 + rng.below(60));
    const double apart = rng.uniform() * 4, share = rng.uniform();
    for (double& sample : samples) {
      sample = 10 + std::abs(rng.normal()) * 0.3 + (rng.uniform() < share ? apart : 0);
      if (i % 3 == 0) sample = std::round(sample * 4) / 4;  // equal ones
    }
    EXPECT_EQ(inspect_block(samples, 0.1).two_modes, has_two_modes(samples)) << i;
    modal += has_two_modes(samples) ? 1 : 0;
  }
  EXPECT_GT(modal, 40);
  EXPECT_LT(modal, 360);
}

TEST(Statistics, ATrimLeavesASample) {
  EXPECT_EQ(trimmed_count(50, 0.1), 5U);
  EXPECT_EQ(trimmed_count(50, 0.4999999999), 24U);
  EXPECT_EQ(trimmed_count(3, 0.4999999999), 1U);
  EXPECT_EQ(trimmed_count(1, 0.4), 0U);
}

}  // namespace
}  // namespace naslat
