#include "measure/arena.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "spaces/random.hpp"

namespace naslat {
namespace {

bool overlap(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end) { return a < b_end && b < a_end; }

TEST(ArenaPlan, NeverLetsLivingBuffersOverlap) {
  Rng rng(2);
  for (int round = 0; round < 300; ++round) {
    std::vector<Lifetime> lives(1 + rng.below(60));
    for (Lifetime& life : lives) {
      const int first = static_cast<int>(rng.below(50));
      life = {rng.below(5000), first, first + static_cast<int>(rng.below(1 + rng.below(50)))};
    }
    const ArenaPlan plan = plan_arena(lives);
    for (std::size_t a = 0; a < lives.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % kAlignment, 0U);
      EXPECT_LE(plan.offsets[a] + lives[a].bytes, plan.bytes);
      for (std::size_t b = 0; b < a; ++b) {
        const bool together = lives[a].first_step <= lives[b].last_step && lives[b].first_step <= lives[a].last_step;
        EXPECT_FALSE(together && overlap(plan.offsets[a], plan.offsets[a] + lives[a].bytes, plan.offsets[b],
                                         plan.offsets[b] + lives[b].bytes));
      }
    }
  }
}

TEST(ArenaPlan, ReusesMemoryOfTheDead) {
  const std::vector<Lifetime> chain = {{1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}, {1000, 3, 4}};
  EXPECT_EQ(plan_arena(chain).bytes, 2048U);
}

TEST(MemoryBlock, IsZeroedAndAligned) {
  const MemoryBlock huge(100), normal(100, MemoryBlock::Pages::normal);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(huge.data()) % (std::size_t{2} << 20), 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(normal.data()) % kAlignment, 0U);
  EXPECT_TRUE(std::all_of(huge.data(), huge.data() + huge.bytes(), [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_EQ(MemoryBlock(0).data(), nullptr);
}

}  // namespace
}  // namespace naslat
