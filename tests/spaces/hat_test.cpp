#include "spaces/hat.hpp"

#include <gtest/gtest.h>

#include <iterator>

#include "configs/errors.hpp"
#include "spaces/network.hpp"
#include "spaces/search_space.hpp"

namespace naslat {
namespace {

struct Counted {
  const char* architecture;
  std::int64_t parameters, encoder_macs, decoder_macs, projection_macs;
};

// search-spaces.md 7.4: networks that HAT's and HELP's searches found (parameters agree with HAT's published ones).
constexpr Counted kCounted[] = {
    {"e=512 1024/4,3072/8,3072/4,2048/4,2048/4,2048/8 d=512 3072/8/8/1", 25217536, 603217920, 793420800,
     2516582400},  // Pi 3.5 s
    {"e=512 3072/8,2048/8,3072/8,2048/4,3072/8,2048/8 d=512 1024/4/8/1,2048/4/8/1", 29421568, 666132480, 1114982400,
     2516582400},  // Pi 4.0 s
    {"e=512 3072/4,3072/8,3072/8,3072/4,3072/8,3072/8 d=512 3072/8/8/1,3072/8/8/2", 35719168, 760504320, 1670092800,
     2516582400},  // Pi 4.5 s
    {"e=512 3072/8,3072/8,3072/8,2048/8,3072/8,3072/4 d=512 1024/4/4/1,2048/8/8/2,3072/8/8/1", 36774400, 729047040,
     1991654400, 2516582400},  // Pi 5.0 s
    {"e=512 3072/4,3072/4,3072/4,3072/8,3072/8,3072/4 d=512 2048/4/4/1,2048/8/8/1,3072/8/8/2,3072/4/8/1", 44127232,
     760504320, 2942361600, 2516582400},  // Pi 6.0 s
    {"e=512 3072/8,3072/4,3072/8,3072/8,3072/8,3072/8 d=512 2048/8/4/1,2048/8/8/2,3072/8/8/2,3072/4/8/2,2048/8/8/1",
     48331264, 760504320, 3744998400, 2516582400},  // Pi 6.9 s
    {"e=512 3072/4,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 3072/8/4/1,3072/8/8/2,3072/8/8/2", 40972800, 760504320,
     2546764800, 2516582400},  // Titan Xp 126.0 ms
    {"e=640 3072/4,3072/8,3072/8,3072/8,3072/4,3072/4 d=640 3072/8/4/1,3072/8/8/2,3072/8/8/2", 51204480, 949248000,
     3175910400, 3145728000},  // Titan Xp 146.7 ms
    {"e=512 3072/8,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 2048/8/4/1,2048/8/8/2,3072/8/8/2,3072/4/8/2,3072/8/8/1",
     49380864, 760504320, 3902284800, 2516582400},  // Titan Xp 208.1 ms
    {"e=512 3072/4,3072/8,3072/8,3072/8,3072/8,3072/8 d=512 3072/8/8/2", 30465536, 760504320, 876672000,
     2516582400},  // Titan Xp 57.1 ms
    {"e=512 3072/4,3072/8,3072/8,3072/4,3072/8,3072/8 d=512 3072/8/8/1,3072/8/8/2", 35719168, 760504320, 1670092800,
     2516582400},  // Titan Xp 91.2 ms
    {"e=512 3072/4,3072/8,3072/8,3072/8,3072/8,3072/8 d=512 3072/8/8/2", 30465536, 760504320, 876672000,
     2516582400},  // Xeon 137.9 ms
    {"e=512 3072/4,3072/8,3072/8,3072/4,3072/8,3072/8 d=512 3072/8/8/1,3072/8/8/2", 35719168, 760504320, 1670092800,
     2516582400},  // Xeon 204.2 ms
    {"e=512 3072/4,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 3072/8/4/1,3072/8/8/2,3072/8/8/2", 40972800, 760504320,
     2546764800, 2516582400},  // Xeon 278.7 ms
    {"e=512 3072/4,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 3072/8/4/1,3072/8/8/2,3072/8/8/2,3072/4/8/1", 46226432,
     760504320, 3340185600, 2516582400},  // Xeon 340.2 ms
    {"e=512 3072/8,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 3072/8/4/1,3072/8/8/2,3072/8/8/2,3072/4/8/2,3072/8/8/1",
     51480064, 760504320, 4216857600, 2516582400},  // Xeon 369.6 ms
    {"e=512 3072/4,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 "
     "3072/8/4/1,3072/8/8/2,3072/8/8/2,3072/4/8/2,3072/4/8/1,3072/4/8/1",
     56733696, 760504320, 5010278400, 2516582400},  // Xeon 450.9 ms
    {"e=512 3072/4,3072/8,3072/4,2048/8,3072/8,3072/8 d=512 3072/8/8/2,3072/8/8/2", 34669568, 729047040, 1753344000,
     2516582400},  // HELP Titan RTX 74.0 ms
    {"e=512 3072/8,3072/8,3072/4,2048/8,3072/8,3072/8 d=512 3072/8/8/2,3072/8/8/2,3072/8/8/2", 39923200, 729047040,
     2630016000, 2516582400},  // HELP Titan RTX 106.5 ms
    {"e=512 3072/8,3072/8,3072/4,2048/8,3072/8,3072/8 d=512 3072/8/8/2,3072/8/8/2", 34669568, 729047040, 1753344000,
     2516582400},  // HELP Gold 6240 159.6 ms
    {"e=512 3072/8,3072/8,3072/8,2048/4,3072/8,3072/4 d=512 3072/8/8/1,3072/8/8/2,3072/8/8/2,3072/4/8/2,3072/4/8/1",
     50430464, 729047040, 4216857600, 2516582400},  // HELP Gold 6240 343.2 ms
};

TEST(Hat, CountsAsPublished) {
  const SearchSpace& space = search_space("hat");
  static_assert(std::size(kCounted) == 21);
  for (const Counted& row : kCounted) {
    SCOPED_TRACE(row.architecture);
    const Network network = space.network(space.parse(row.architecture));
    EXPECT_EQ(parameters(network), row.parameters);
    std::int64_t encoder = 0, decoder = 0, projection = 0;
    for (const Layer& layer : network.layers) {
      const bool projects = layer.name.ends_with(".projection");
      (layer.name.starts_with("encoder.") ? encoder : projects ? projection : decoder) += macs(network, layer);
    }
    EXPECT_EQ(encoder, row.encoder_macs);
    EXPECT_EQ(decoder, row.decoder_macs);
    EXPECT_EQ(projection, row.projection_macs);
  }
}

TEST(Hat, GivesEachStepTheSameWeights) {
  const SearchSpace& space = search_space("hat");
  const Network network = space.network(space.references().at(1));
  std::size_t steps = 0;
  for (const Layer& layer : network.layers) {
    if (layer.weights_name() == "decoder.layer2.ffn.in") ++steps;
  }
  EXPECT_EQ(steps, 30U);
  EXPECT_EQ(network.side_outputs.size(), 29U);
}

TEST(Hat, EncodesHatsTenFeatures) {
  const SearchSpace& space = search_space("hat");
  const Encoding encoding = space.encode(
      space.parse("e=512 3072/8,2048/8,3072/8,2048/4,3072/8,2048/8 d=640 1024/4/8/1,2048/8/8/3,3072/4/4/2"));
  const std::vector<float> expected = {0.8F, 1, 1.25F, 44.0F / 36, 1, 0.5F, 1, 16.0F / 18, 20.0F / 18, 1};
  ASSERT_EQ(encoding.x.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(encoding.x[i], expected[i]) << i;
}

TEST(Hat, ForgetsChoicesOfDecoderLayersThatDoNotExist) {
  const SearchSpace& space = search_space("hat");
  const Architecture one = space.parse("e=512 3072/8,2048/8,3072/8,2048/4,3072/8,2048/8 d=640 1024/4/8/1");
  Architecture other = one;
  other.choices.at(other.choices.size() - 1) = 2;
  EXPECT_EQ(space.canonical(other), one);
  EXPECT_EQ(space.format(other), space.format(one));
}

TEST(Hat, MutatesAndCrossesWithinTheSpace) {
  const SearchSpace& space = search_space("hat");
  Rng rng(1);
  const Architecture a = sample(space, rng), b = sample(space, rng);
  EXPECT_EQ(mutate(space, a, 0, rng), a);
  int changed = 0;
  for (int i = 0; i < 100; ++i) {
    const Architecture mutant = mutate(space, a, 0.3, rng), child = crossover(space, a, b, rng);
    changed += mutant != a ? 1 : 0;
    EXPECT_EQ(space.parse(space.format(mutant)), mutant);
    EXPECT_EQ(space.parse(space.format(child)), child);
  }
  EXPECT_GT(changed, 90);
  EXPECT_EQ(crossover(space, a, a, rng), a);
}

TEST(Hat, RefusesOtherTexts) {
  const SearchSpace &space = search_space("hat"), &dataset = search_space("hat-dataset");
  const std::string encoder = "e=512 3072/8,2048/8,3072/8,2048/4,3072/8,2048/8";
  const std::string with_512 = encoder + " d=512 512/2/8/1";
  EXPECT_THROW(static_cast<void>(space.parse(with_512)), ConfigError);
  EXPECT_EQ(dataset.format(dataset.parse(with_512)), with_512);
  std::string seven = encoder + " d=512 ";
  for (int i = 0; i < 7; ++i) seven += std::string(i == 0 ? "" : ",") + "3072/8/8/1";
  for (const std::string& bad :
       {std::string(), encoder, encoder + " d=512", encoder + " d=512 3072/8/8", encoder + " d=512 3072/8/8/1,",
        encoder + " d=512 3072/8/8/1 ", encoder + " d=511 3072/8/8/1", encoder + " d=512 3072/8/8/4",
        encoder + " d=512 99999999999999999999/8/8/1", seven}) {
    EXPECT_THROW(static_cast<void>(space.parse(bad)), ConfigError) << bad;
  }
}

}  // namespace
}  // namespace naslat
