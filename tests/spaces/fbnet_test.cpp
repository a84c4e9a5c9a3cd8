#include "spaces/fbnet.hpp"

#include <gtest/gtest.h>

#include <set>

#include "configs/errors.hpp"
#include "spaces/network.hpp"
#include "spaces/search_space.hpp"

namespace naslat {
namespace {

struct Counted {
  const char* architecture;
  std::int64_t cifar_macs, cifar_parameters, imagenet_macs, imagenet_parameters;
};

// Rows of HELP's list of 5,000 networks (search-spaces.md 7.2; parameters are the published ones), then its ten
// references, then corners of the space.
constexpr Counted kCounted[] = {
    {"7 8 1 8 4 8 8 8 7 4 1 4 7 3 2 7 3 2 4 2 4 5", 67605376, 1790500, 272388736, 3794920},
    {"5 3 5 5 0 4 7 5 5 2 0 2 4 5 1 3 7 2 6 0 4 0", 61564288, 1695572, 223029664, 3699992},
    {"8 2 1 5 1 8 4 6 6 2 5 2 5 1 2 5 2 8 2 3 5 0", 47184384, 1737316, 165594216, 3741736},
    {"4 8 0 8 5 5 1 0 2 7 7 4 7 3 0 5 6 5 6 1 2 0", 49221248, 1645244, 173186864, 3649664},
    {"6 8 4 3 7 4 8 3 7 1 3 2 5 8 8 0 1 0 4 0 8 2", 58979328, 1364140, 220231176, 3368560},
    {"1 8 6 6 8 0 3 4 3 7 8 7 4 3 2 5 7 3 0 1 3 7", 82817664, 2524140, 271258992, 4528560},
    {"5 4 8 5 1 6 8 5 3 0 4 8 0 2 4 5 0 6 6 0 0 5", 38085504, 1366764, 139083648, 3371184},
    {"7 2 7 5 4 6 8 0 6 6 5 1 2 4 0 7 5 6 0 3 3 2", 77081728, 2326524, 308635408, 4330944},
    {"8 1 6 1 6 2 7 1 6 8 7 5 2 0 1 8 0 3 2 2 5 4", 55589248, 1652308, 185312992, 3656728},
    {"1 7 0 7 4 3 4 6 6 1 1 0 5 6 7 7 6 7 6 3 1 2", 93233920, 2423420, 317609464, 4427840},
    {"2 2 4 5 7 2 5 7 2 2 1 2 3 1 4 6 3 6 3 2 0 1", 75998464, 1976148, 272352280, 3980568},
    {"4 4 5 5 3 1 1 0 4 2 2 4 2 0 5 0 5 6 2 5 2 5", 45276800, 1477260, 163515440, 3481680},
    {"8 8 4 4 6 8 1 8 0 3 1 2 8 8 5 8 2 2 8 1 4 8", 36668288, 1134332, 126163328, 3138752},
    {"0 7 6 7 3 3 6 1 7 4 3 7 7 0 8 4 8 5 6 8 5 1", 72011264, 1306564, 255023528, 3310984},
    {"1 2 4 0 7 3 0 5 6 4 5 7 0 1 4 3 2 3 3 3 0 6", 82762112, 2511972, 278314208, 4516392},
    {"0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", 31322240, 1170676, 118371152, 3175096},
    {"5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5", 24102528, 967220, 95056560, 2971640},
    {"7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7", 160926080, 3749652, 572634080, 5754072},
    {"8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8", 11608960, 780660, 49419136, 2785080},
    {"8 2 0 8 8 7 2 4 2 7 6 5 7 3 5 6 1 7 7 6 7 7", 77580032, 2966964, 258680888, 4971384},
    {"0 3 4 0 0 7 6 3 7 7 7 8 6 7 0 4 6 7 4 7 7 3", 88725504, 2858868, 306210888, 4863288},
    {"0 3 8 0 0 7 6 7 3 7 6 7 7 7 7 7 6 7 7 7 7 3", 114439552, 3567780, 384960160, 5572200},
};

TEST(Fbnet, CountsAsPublishedInBothForms) {
  const SearchSpace &cifar = search_space("fbnet"), &imagenet = search_space("fbnet-imagenet");
  for (const Counted& row : kCounted) {
    SCOPED_TRACE(row.architecture);
    const Network small = cifar.network(cifar.parse(row.architecture));
    EXPECT_EQ(macs(small), row.cifar_macs);
    EXPECT_EQ(parameters(small), row.cifar_parameters);
    const Network large = imagenet.network(imagenet.parse(row.architecture));
    EXPECT_EQ(macs(large), row.imagenet_macs);
    EXPECT_EQ(parameters(large), row.imagenet_parameters);
  }
}

TEST(Fbnet, ReferencesAreHelpsTenInItsOrder) {
  const SearchSpace& space = search_space("fbnet");
  const auto references = space.references();
  ASSERT_EQ(references.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(space.format(references[i]), kCounted[5 + i].architecture);
}

TEST(Fbnet, Has63UniqueBlocks) {  // HELP's count for a layer-wise predictor: seven stages of nine candidates
  const SearchSpace& space = search_space("fbnet");
  std::set<std::string> unique;
  for (int candidate = 0; candidate < 9; ++candidate) {
    const Network network = space.network({std::vector<std::uint8_t>(22, static_cast<std::uint8_t>(candidate))});
    std::size_t at = 0;
    for (const Block& block : network.blocks) {
      if (block.kind == "stem" || block.kind == "head") continue;
      constexpr int kStageOf[] = {1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7};
      unique.insert(block.kind + " " + std::to_string(kStageOf[at++]));
    }
    EXPECT_EQ(at, 22U);
  }
  EXPECT_EQ(unique.size(), 63U);
}

TEST(Fbnet, EncodesTwoFlagsPerBlockAndNoneForSkip) {
  const SearchSpace& space = search_space("fbnet");
  const Encoding encoding = space.encode(space.parse("8 0 1 2 3 4 5 6 7 8 8 8 8 8 8 8 8 8 8 8 8 8"));
  ASSERT_EQ(encoding.x.size(), 132U);
  std::set<std::size_t> ones;
  for (std::size_t i = 0; i < encoding.x.size(); ++i) {
    if (encoding.x[i] == 1) ones.insert(i);
  }
  // [k3, k5, e1, e1_g2, e3, e6] per position
  const std::set<std::size_t> expected = {6, 8, 12, 15, 18, 22, 24, 29, 31, 32, 37, 39, 43, 46, 49, 53};
  EXPECT_EQ(ones, expected);
}

TEST(Fbnet, RefusesOtherTexts) {
  const SearchSpace& space = search_space("fbnet");
  const std::string good = kCounted[0].architecture;
  EXPECT_EQ(space.format(space.parse(good)), good);
  for (const std::string& bad : {std::string(), good + " 1", good + " ", "9" + good.substr(1), " " + good,
                                 good.substr(2), "x" + good.substr(1), "-1" + good.substr(1), std::string(4000, '7')}) {
    EXPECT_THROW(static_cast<void>(space.parse(bad)), ConfigError) << bad.substr(0, 60);
  }
}

}  // namespace
}  // namespace naslat
