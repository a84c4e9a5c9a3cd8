#include "spaces/random.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace naslat {
namespace {

/// What datasets, checkpoints and every figure in the README were drawn with.
TEST(Rng, DrawsTheSameNumbersOnEveryPlatform) {
  Rng rng(88);
  EXPECT_EQ(rng.below(1000), 144U);
  EXPECT_DOUBLE_EQ(rng.uniform(), 0.5093695489462976);
  EXPECT_DOUBLE_EQ(rng.normal(), 0.075196429897367259);
  std::vector<int> items = {0, 1, 2, 3, 4, 5};
  rng.shuffle(items);
  EXPECT_EQ(items, (std::vector<int>{1, 4, 2, 0, 3, 5}));
  EXPECT_EQ(rng.distinct(3, 5), (std::vector<std::uint64_t>{0, 2, 4}));
  EXPECT_EQ(rng.distinct(3, 100), (std::vector<std::uint64_t>{60, 54, 33}));
  EXPECT_EQ(rng.fork().below(1000), 997U);
  // The 10,000th output of a default-seeded engine is fixed by the C++ standard; our draws are functions of such
  // outputs.
  std::mt19937_64 engine;
  engine.discard(9999);
  EXPECT_EQ(engine(), 9981545732273789042ULL);
}

TEST(Rng, BelowStaysBelowAndReachesEverything) {
  Rng rng(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.below(7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Rng, BelowALargeBoundRejectsWhatWouldFavourSmallValues) {
  constexpr std::uint64_t kBound = (std::uint64_t{1} << 63) + 1, kRejected = (std::uint64_t{1} << 63) - 1;
  Rng rng(3);
  std::mt19937_64 engine(3);
  for (int i = 0; i < 100; ++i) {
    std::uint64_t draw = engine();
    while (draw < kRejected) draw = engine();
    ASSERT_EQ(rng.below(kBound), draw % kBound);
  }
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(2);
  double sum = 0, squares = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const double draw = rng.normal();
    sum += draw;
    squares += draw * draw;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.03);
  EXPECT_NEAR(squares / kDraws, 1, 0.05);
}

TEST(Rng, DistinctDrawsAreDistinctWhetherSparseOrDense) {
  Rng rng(3);
  for (const std::uint64_t count : {0U, 1U, 10U, 60U, 100U}) {
    const std::vector<std::uint64_t> drawn = rng.distinct(count, 100);
    EXPECT_EQ(std::set<std::uint64_t>(drawn.begin(), drawn.end()).size(), count);
    for (const std::uint64_t draw : drawn) EXPECT_LT(draw, 100U);
  }
}

TEST(Rng, ForksAreIndependentStreams) {
  Rng parent(4);
  Rng first = parent.fork(), second = parent.fork();
  EXPECT_NE(first.below(1ULL << 60), second.below(1ULL << 60));
}

}  // namespace
}  // namespace naslat
