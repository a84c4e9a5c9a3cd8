#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "configs/errors.hpp"
#include "spaces/network.hpp"
#include "spaces/passes.hpp"
#include "spaces/search_space.hpp"

// What holds of every space in the registry: a new one is tested from the day it is listed.

namespace naslat {
namespace {

class EverySpace : public testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static const SearchSpace& space() { return *search_spaces().at(GetParam()); }

  /// The references and random draws.
  [[nodiscard]] static std::vector<Architecture> some_architectures() {
    std::vector<Architecture> list = space().references();
    Rng rng(1);
    for (int i = 0; i < 20; ++i) list.push_back(sample(space(), rng));
    return list;
  }
};

TEST_P(EverySpace, IsFoundByItsName) { EXPECT_EQ(&search_space(space().name()), &space()); }

TEST_P(EverySpace, HasTenDifferentReferences) {
  const auto references = space().references();
  EXPECT_EQ(std::set<Architecture>(references.begin(), references.end()).size(), 10U);
}

TEST_P(EverySpace, ReadsWhatItWrites) {
  for (const Architecture& architecture : some_architectures()) {
    const std::string text = space().format(architecture);
    SCOPED_TRACE(text);
    EXPECT_EQ(space().canonical(architecture), architecture);
    EXPECT_EQ(space().parse(text), architecture);
    for (std::size_t cut = 0; cut < text.size(); cut += 1 + cut / 8) {
      try {  // a shorter text is another architecture or an error of the user's, nothing else
        EXPECT_EQ(space().format(space().parse(text.substr(0, cut))), text.substr(0, cut));
      } catch (const ConfigError&) {
      }
    }
  }
}

TEST_P(EverySpace, DrawsEveryOptionOfEveryDecision) {
  Rng rng(2);
  std::set<std::pair<std::size_t, std::uint8_t>> seen;
  for (int i = 0; i < 3000; ++i) {
    const Architecture architecture = sample(space(), rng);
    ASSERT_EQ(architecture.choices.size(), space().decisions().size());
    for (std::size_t d = 0; d < architecture.choices.size(); ++d) seen.emplace(d, architecture.choices[d]);
  }
  std::size_t options = 0;
  for (const Decision& decision : space().decisions()) options += decision.options.size();
  EXPECT_EQ(seen.size(), options);
}

TEST_P(EverySpace, BuildsSoundNetworks) {
  for (const Architecture& architecture : some_architectures()) {
    const Network network = space().network(architecture);
    SCOPED_TRACE(network.name);
    std::set<std::string> names;
    std::set<TensorId> written{network.input};
    for (const Layer& layer : network.layers) {
      EXPECT_TRUE(names.insert(layer.name).second) << layer.name;
      for (const TensorId input : layer.inputs) EXPECT_TRUE(written.contains(input)) << layer.name;
      EXPECT_TRUE(written.insert(layer.output).second) << layer.name;
    }
    EXPECT_TRUE(written.contains(network.output));
    EXPECT_EQ(written.size(), network.tensors.size());
    std::size_t in_blocks = 0;
    for (const Block& block : network.blocks) {
      EXPECT_EQ(block.first_layer, in_blocks);  // one after another, without gaps
      in_blocks += block.layer_count;
    }
    EXPECT_EQ(in_blocks, network.layers.size());
    EXPECT_EQ(fingerprint(network), fingerprint(space().network(architecture)));
    EXPECT_EQ(macs(with_batch(network, 3)), 3 * macs(network));
    EXPECT_EQ(parameters(with_batch(network, 3)), parameters(network));
  }
}

TEST_P(EverySpace, KeepsMacsThroughThePasses) {
  for (const Architecture& architecture : some_architectures()) {
    const Network network = space().network(architecture), fused = fuse(fold_batch_norm(network));
    EXPECT_EQ(macs(fused), macs(network)) << network.name;
    EXPECT_LT(fused.layers.size(), network.layers.size());
  }
}

TEST_P(EverySpace, EncodesDifferentArchitecturesDifferently) {
  if (space().name().starts_with("hat")) GTEST_SKIP() << "HAT's ten features are means over layers";
  std::set<std::vector<float>> encodings;
  std::set<Architecture> architectures;
  for (const Architecture& architecture : some_architectures()) {
    const Encoding encoding = space().encode(architecture);
    EXPECT_EQ(encoding.x.size(), static_cast<std::size_t>(encoding.nodes * encoding.features));
    architectures.insert(architecture);
    encodings.insert(encoding.x);
  }
  EXPECT_EQ(encodings.size(), architectures.size());
}

TEST_P(EverySpace, StaysInItselfWhenMutatedAndCrossed) {
  Rng rng(3);
  for (int i = 0; i < 50; ++i) {
    const Architecture a = sample(space(), rng), b = sample(space(), rng);
    for (const Architecture& child : {mutate(space(), a, 0.3, rng), crossover(space(), a, b, rng)}) {
      EXPECT_EQ(space().parse(space().format(child)), child);
    }
  }
}

/// Without selection, children are distributed as samples are, also where they have blocks that a parent has not.
TEST_P(EverySpace, ChildrenAreAsSamplesAre) {
  constexpr int kDraws = 4000;
  constexpr double kFiveDeviations = 5 * 0.0112;  // of a difference of two shares of so many draws, at most
  Rng rng(4);
  std::vector<std::vector<double>> samples, mutants, crossed;  // share of each decision's options
  for (auto* const shares : {&samples, &mutants, &crossed}) {
    for (const Decision& decision : space().decisions()) shares->emplace_back(decision.options.size());
  }
  const auto count = [&](const Architecture& architecture, std::vector<std::vector<double>>& shares) {
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i].at(architecture.choices[i]) += 1.0 / kDraws;
  };
  for (int i = 0; i < kDraws; ++i) {
    const Architecture a = sample(space(), rng), b = sample(space(), rng);
    count(a, samples);
    count(mutate(space(), a, 0.5, rng), mutants);
    count(crossover(space(), a, b, rng), crossed);
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t option = 0; option < samples[i].size(); ++option) {
      EXPECT_NEAR(mutants[i][option], samples[i][option], kFiveDeviations) << space().decisions()[i].name;
      EXPECT_NEAR(crossed[i][option], samples[i][option], kFiveDeviations) << space().decisions()[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, EverySpace, testing::Range<std::size_t>(0, search_spaces().size()),
                         [](const testing::TestParamInfo<std::size_t>& instance) {
                           std::string name = search_spaces().at(instance.param)->name();
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace naslat
