#include "predictor/task.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "configs/errors.hpp"

namespace naslat {
namespace {

TEST(HardwareEmbedding, RunsFromZeroToOneInTheOrderOfTheReferences) {
  const HardwareEmbedding embedding = embed({3e-3, 1e-3, 5e-3, 2e-3});
  EXPECT_EQ(embedding.v, (std::vector<double>{0.5, 0, 1, 0.25}));
}

/// The paper calls them the Titan RTX's at batch 256; in its repository nine of the ten are in the 2080 Ti's table.
TEST(HardwareEmbedding, RunsFromZeroToOneOnTheTitanRtxLatenciesOfHelpA4) {
  const HardwareEmbedding embedding = embed({5.9, 8.5, 11.8, 14.1, 15.5, 16.6, 17.6, 19.1, 28.5, 44.3});
  EXPECT_EQ(embedding.v.front(), 0);
  EXPECT_EQ(embedding.v.back(), 1);
  EXPECT_NEAR(embedding.v[4], 9.6 / 38.4, 1e-12);
}

TEST(HardwareEmbedding, NeedsTwoDifferentFiniteLatencies) {
  EXPECT_THROW((void)embed({1e-3}), DataError);
  EXPECT_THROW((void)embed({1e-3, 1e-3}), DataError);
  EXPECT_THROW((void)embed({1e-3, std::nan("")}), DataError);
}

TEST(TargetScale, PutsThePoolBetween005And095AndBack) {
  const TargetScale scale = target_scale({4e-3, 2e-3, 6e-3});
  EXPECT_DOUBLE_EQ(scale.target(2e-3), 0.05);
  EXPECT_DOUBLE_EQ(scale.target(6e-3), 0.95);
  EXPECT_DOUBLE_EQ(scale.latency_s(scale.target(3.1e-3)), 3.1e-3);
  EXPECT_DOUBLE_EQ(scale.latency_s(scale.target(9e-3)), 9e-3);  // outside the pool too
  EXPECT_THROW((void)target_scale({2e-3, 2e-3}), DataError);
}

}  // namespace
}  // namespace naslat
