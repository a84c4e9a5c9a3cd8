#include "spaces/mobilenetv3.hpp"

#include <gtest/gtest.h>

#include "configs/errors.hpp"
#include "spaces/network.hpp"
#include "spaces/search_space.hpp"

namespace naslat {
namespace {

struct Counted {
  const char* space;
  const char* architecture;
  std::int64_t macs, parameters;
};

// search-spaces.md 4.4: HELP's ten references, in its order.
constexpr Counted kReferences[] = {
    {"mobilenetv3", "r=196 k=7755,773.,775.,3533,35.. e=3636,643.,466.,3443,33..", 390401736, 5575872},
    {"mobilenetv3", "r=172 k=733.,53..,57..,375.,35.. e=436.,66..,36..,633.,63..", 223261248, 5602512},
    {"mobilenetv3", "r=204 k=75..,33..,77..,55..,777. e=44..,44..,63..,36..,364.", 270147656, 6487288},
    {"mobilenetv3", "r=200 k=3757,335.,3353,7537,7553 e=4336,334.,6646,3666,4446", 478221472, 8627784},
    {"mobilenetv3", "r=136 k=57..,77..,73..,777.,77.. e=46..,46..,43..,644.,46..", 152015904, 6277432},
    {"mobilenetv3", "r=224 k=7757,37..,377.,3377,3577 e=6436,66..,646.,6643,4663", 589122048, 8484792},
    {"mobilenetv3", "r=132 k=5573,33..,7335,73..,333. e=6344,33..,3344,33..,366.", 151585248, 6667248},
    {"mobilenetv3", "r=152 k=73..,3757,73..,3337,7737 e=36..,6434,64..,6343,4336", 202356176, 7222920},
    {"mobilenetv3", "r=152 k=73..,3735,555.,5535,5537 e=44..,6364,444.,3464,6333", 214718304, 7108816},
    {"mobilenetv3", "r=200 k=3377,7777,573.,3553,37.. e=3346,6643,633.,3363,66..", 426134752, 6868712},
};

// search-spaces.md 7.3: networks that HELP's searches found and that Once-for-All released (their published counts
// agree to the last digit printed), and corners of the space.
constexpr Counted kCounted[] = {
    {"mobilenetv3", "r=224 k=33..,33..,77..,375.,335. e=33..,64..,64..,644.,666.", 336258352, 7600928},
    {"mobilenetv3", "r=224 k=33..,57..,573.,375.,335. e=34..,64..,664.,644.,666.", 374856240, 7733184},
    {"mobilenetv3", "r=176 k=53..,333.,775.,553.,333. e=33..,664.,443.,644.,664.", 229781280, 7167784},
    {"mobilenetv3", "r=192 k=53..,333.,5353,753.,3333 e=33..,444.,4433,644.,6643", 267788736, 7566640},
    {"mobilenetv3", "r=208 k=53..,333.,5333,7535,333. e=33..,444.,4436,4444,666.", 346337840, 7912520},
    {"mobilenetv3", "r=176 k=33..,37..,3535,373.,753. e=34..,34..,3644,646.,666.", 243179680, 8044544},
    {"mobilenetv3", "r=192 k=33..,37..,373.,533.,7553 e=33..,46..,633.,666.,4663", 279089536, 8322720},
    {"mobilenetv3-w1.0", "r=128 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..", 41476224, 3410792},
    {"mobilenetv3-w1.0", "r=204 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..", 106018448, 3410792},
    {"mobilenetv3-w1.0", "r=224 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..", 121278672, 3410792},
    {"mobilenetv3-w1.0", "r=128 k=7777,7777,7777,7777,7777 e=6666,6666,6666,6666,6666", 188248320, 7664760},
    {"mobilenetv3-w1.0", "r=204 k=7777,7777,7777,7777,7777 e=6666,6666,6666,6666,6666", 491657024, 7664760},
    {"mobilenetv3-w1.0", "r=224 k=7777,7777,7777,7777,7777 e=6666,6666,6666,6666,6666", 566170656, 7664760},
    {"mobilenetv3", "r=128 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..", 65536896, 4602456},
    {"mobilenetv3", "r=204 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..", 167917224, 4602456},
    {"mobilenetv3", "r=224 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..", 193078200, 4602456},
    {"mobilenetv3", "r=128 k=7777,7777,7777,7777,7777 e=6666,6666,6666,6666,6666", 279987456, 10701632},
    {"mobilenetv3", "r=204 k=7777,7777,7777,7777,7777 e=6666,6666,6666,6666,6666", 730284720, 10701632},
    {"mobilenetv3", "r=224 k=7777,7777,7777,7777,7777 e=6666,6666,6666,6666,6666", 843101040, 10701632},
};

void expect_counts(const Counted& row) {
  SCOPED_TRACE(row.architecture);
  const SearchSpace& space = search_space(row.space);
  const Architecture architecture = space.parse(row.architecture);
  EXPECT_EQ(space.format(architecture), row.architecture);
  const Network network = space.network(architecture);
  EXPECT_EQ(macs(network), row.macs);
  EXPECT_EQ(parameters(network), row.parameters);
}

TEST(MobileNetV3, CountsAsPublished) {
  for (const Counted& row : kReferences) expect_counts(row);
  for (const Counted& row : kCounted) expect_counts(row);
}

TEST(MobileNetV3, ReferencesAreHelpsTenInItsOrder) {
  const SearchSpace& space = search_space("mobilenetv3");
  const auto references = space.references();
  ASSERT_EQ(references.size(), std::size(kReferences));
  for (std::size_t i = 0; i < references.size(); ++i) {
    EXPECT_EQ(space.format(references[i]), kReferences[i].architecture);
  }
}

TEST(MobileNetV3, EncodesOneFlagPerChoiceOfBlocksThatExist) {
  const SearchSpace& space = search_space("mobilenetv3");
  const Encoding encoding = space.encode(space.parse("r=132 k=35..,357.,7777,33..,33.. e=34..,346.,6666,33..,33.."));
  ASSERT_EQ(encoding.x.size(), 145U);
  float kernels = 0, expansions = 0, resolutions = 0;
  for (std::size_t i = 0; i < 60; ++i) kernels += encoding.x[i];
  for (std::size_t i = 60; i < 120; ++i) expansions += encoding.x[i];
  for (std::size_t i = 120; i < 145; ++i) resolutions += encoding.x[i];
  EXPECT_EQ(kernels, 13);
  EXPECT_EQ(expansions, 13);
  EXPECT_EQ(resolutions, 1);
  EXPECT_EQ(encoding.x[0], 1);        // stage 1, block 1: kernel 3
  EXPECT_EQ(encoding.x[4], 1);        // block 2: kernel 5
  EXPECT_EQ(encoding.x[12 + 8], 1);   // stage 2, block 3: kernel 7
  EXPECT_EQ(encoding.x[60 + 4], 1);   // stage 1, block 2: expansion 4
  EXPECT_EQ(encoding.x[60 + 26], 1);  // stage 3, block 1: expansion 6
  EXPECT_EQ(encoding.x[121], 1);      // (132 - 128) / 4
}

TEST(MobileNetV3, ForgetsChoicesOfBlocksThatDoNotExist) {
  const SearchSpace& space = search_space("mobilenetv3");
  Architecture one = space.parse("r=128 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33.."), other = one;
  other.choices[2] = 2;        // kernel of stage 1's third block
  other.choices[20 + 19] = 1;  // expansion of stage 5's fourth
  EXPECT_NE(one, other);
  EXPECT_EQ(space.canonical(other), one);
  EXPECT_EQ(space.format(other), space.format(one));
  EXPECT_EQ(space.network(other), space.network(one));
  EXPECT_EQ(space.encode(other), space.encode(one));
}

TEST(MobileNetV3, RefusesOtherTexts) {
  const SearchSpace& space = search_space("mobilenetv3");
  for (const char* const bad :
       {"", "r=128", "r=128 k= e=", "r=127 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..",
        "r=124 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..",
        "r=228 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..",  // Once-for-All's, not the space's
        "r=99999999999999 k=33..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..",
        "r=128 k=34..,33..,33..,33..,33.. e=33..,33..,33..,33..,33..",  // no such kernel
        "r=128 k=33..,33..,33..,33..,33.. e=35..,33..,33..,33..,33..",  // no such expansion
        "r=128 k=33..,33..,33..,33..,33.. e=333.,33..,33..,33..,33..",  // deeper than the kernels
        "r=128 k=3...,33..,33..,33..,33.. e=33..,33..,33..,33..,33..",  // one block only
        "r=128 k=33.3,33..,33..,33..,33.. e=33.3,33..,33..,33..,33..",  // a hole
        "r=128 k=33.. 33..,33..,33..,33.. e=33..,33..,33..,33..,33..", "r=128 k=33..,33..,33..,33..,33.. e=33.."}) {
    EXPECT_THROW(static_cast<void>(space.parse(bad)), ConfigError) << bad;
  }
}

}  // namespace
}  // namespace naslat
