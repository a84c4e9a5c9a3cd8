#include "spaces/nasbench201.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "configs/errors.hpp"
#include "tests/test_data.hpp"

namespace naslat {
namespace {

const SearchSpace& space() { return search_space("nasbench201"); }

TEST(NasBench201, IndexAnchorsOfThePublishedList) {  // search-spaces.md 2.3
  EXPECT_EQ(space().format(space().at(9)), "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|");
  EXPECT_EQ(space().format(space().at(123)),
            "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|");
}

TEST(NasBench201, EveryIndexEqualsThePublishedTable) {
  NASLAT_NEEDS_TEST_DATA();
  std::ifstream table(test_data() / "nasbench201" / "arch_strings.csv");
  std::string line;
  std::getline(table, line);  // header
  for (std::uint64_t index = 0; index < 15625; ++index) {
    ASSERT_TRUE(std::getline(table, line));
    ASSERT_EQ(space().format(space().at(index)), line.substr(line.find(',') + 1)) << "index " << index;
  }
}

TEST(NasBench201, TextAndIndexRoundTripForEveryArchitecture) {
  std::set<std::vector<std::uint8_t>> seen;
  for (std::uint64_t index = 0; index < *space().size(); ++index) {
    const Architecture architecture = space().at(index);
    ASSERT_EQ(space().parse(space().format(architecture)), architecture);
    ASSERT_EQ(space().parse(std::to_string(index)), architecture);
    ASSERT_EQ(space().index_of(architecture), index);
    seen.insert(architecture.choices);
  }
  EXPECT_EQ(seen.size(), 15625U);
}

TEST(NasBench201, MalformedTextsAreErrorsThatSayWhere) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      static_cast<void>(space().parse(text));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string good = space().format(space().at(0));
  EXPECT_NE(message("").find("wanted '|' at character 1"), std::string::npos);
  EXPECT_NE(message("15625").find("wanted 0..15624"), std::string::npos);
  EXPECT_NE(message("99999999999999999999999").find("wanted 0..15624"), std::string::npos);
  EXPECT_NE(message(good + "|").find("at its end"), std::string::npos);
  EXPECT_NE(message("|conv~0|").find("operation of edge 0->1: got 'conv'"), std::string::npos);
  for (std::size_t length = 0; length < good.size(); ++length) EXPECT_NE(message(good.substr(0, length)), "accepted");
}

struct Counts {
  const char* space;
  std::uint64_t index;
  std::int64_t macs, parameters;
};

class NasBench201Counts : public testing::TestWithParam<Counts> {};

TEST_P(NasBench201Counts, EqualThePublishedFigures) {
  const Counts& expected = GetParam();
  const SearchSpace& variant = search_space(expected.space);
  const Network network = variant.network(variant.at(expected.index));
  EXPECT_EQ(macs(network), expected.macs);
  EXPECT_EQ(parameters(network), expected.parameters);
}

constexpr const char *kC10 = "nasbench201", *kC100 = "nasbench201-cifar100", *kIn16 = "nasbench201-imagenet16";

INSTANTIATE_TEST_SUITE_P(
    SearchSpacesSection7, NasBench201Counts,  // NATS data files and issues, NB201 API, HELP Table 4
    testing::Values(Counts{kC10, 0, 15647360, 129306}, Counts{kC100, 0, 15653120, 135156},
                    Counts{kIn16, 0, 3919360, 136456}, Counts{kC10, 11, 113951360, 802426},
                    Counts{kC100, 11, 113957120, 808276}, Counts{kIn16, 11, 28495360, 809576},
                    Counts{kC10, 284, 11715200, 101306}, Counts{kC100, 284, 11720960, 107156},
                    Counts{kIn16, 284, 2936320, 108456}, Counts{kC10, 1, 113951360, 802426},
                    Counts{kC100, 1, 113957120, 808276}, Counts{kIn16, 1, 28495360, 809576},
                    Counts{kC10, 9930, 184730240, 1288506}, Counts{kC100, 9930, 184736000, 1294356},
                    Counts{kIn16, 9930, 46190080, 1295656}, Counts{kC10, 15474, 113951360, 802426},
                    Counts{kC100, 4791, 47110400, 350196}, Counts{kC100, 248, 51042560, 378196},
                    Counts{kC100, 11000, 54974720, 406196}, Counts{kC100, 10603, 86432000, 621236}));

TEST(NasBench201, ReferencesHaveTheCountsOfSection27) {
  struct Reference {
    std::uint64_t index;
    std::int64_t macs, parameters;
  };
  const std::vector<Reference> expected = {
      {11982, 11715200, 101306}, {431, 43172480, 316346},   {55, 7783040, 73306},     {9, 43172480, 316346},
      {14451, 54968960, 400346}, {8636, 51036800, 372346},  {9881, 47104640, 344346}, {13479, 117883520, 830426},
      {6196, 11715200, 101306},  {1462, 220119680, 1531546}};
  const std::vector<Architecture> references = space().references();
  ASSERT_EQ(references.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Network network = space().network(references[i]);
    EXPECT_EQ(space().index_of(references[i]), expected[i].index);
    EXPECT_EQ(macs(network), expected[i].macs);
    EXPECT_EQ(parameters(network), expected[i].parameters);
  }
}

TEST(NasBench201, CountsFollowTheClosedFormsOverRandomArchitectures) {  // search-spaces.md 2.5
  Rng rng(1);
  for (int draw = 0; draw < 100; ++draw) {
    const Architecture architecture = sample(space(), rng);
    const auto count = [&](std::uint8_t operation) {
      return std::count(architecture.choices.begin(), architecture.choices.end(), operation);
    };
    const Network network = space().network(architecture);
    EXPECT_EQ(macs(network), 7782400 + 640 + 3932160 * (count(2) + 9 * count(3)));
    EXPECT_EQ(parameters(network), 72656 + 650 + 28000 * count(2) + 243040 * count(3));
  }
}

TEST(NasBench201, EveryLayerBelongsToExactlyOneBlockAndReadsWhatWasWritten) {
  Rng rng(2);
  const Network network = space().network(sample(space(), rng));
  std::size_t next = 0;
  for (const Block& block : network.blocks) {
    EXPECT_EQ(block.first_layer, next);
    next += block.layer_count;
  }
  EXPECT_EQ(next, network.layers.size());
  std::set<TensorId> written = {network.input};
  std::set<std::string> names;
  for (const Layer& layer : network.layers) {
    for (const TensorId tensor : reads(layer)) EXPECT_TRUE(written.contains(tensor)) << layer.name;
    EXPECT_TRUE(written.insert(layer.output).second) << layer.name;
    EXPECT_TRUE(names.insert(layer.name).second) << layer.name;
  }
  EXPECT_TRUE(written.contains(network.output));
}

TEST(NasBench201, FingerprintTellsNetworksApartAndIgnoresNothingElse) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t index = 0; index < 500; ++index) seen.insert(fingerprint(space().network(space().at(index))));
  EXPECT_EQ(seen.size(), 500U);
  EXPECT_EQ(fingerprint(space().network(space().at(7))), fingerprint(space().network(space().at(7))));
  const SearchSpace& cifar100 = search_space("nasbench201-cifar100");
  EXPECT_NE(fingerprint(space().network(space().at(7))), fingerprint(cifar100.network(cifar100.at(7))));
}

TEST(NasBench201, EncodingIsTheOperationGraphWithAGlobalNode) {  // search-spaces.md 2.7
  const Encoding encoding = space().encode(space().at(9));
  ASSERT_EQ(encoding.nodes, 9);
  ASSERT_EQ(encoding.features, 8);
  // columns: input, avg_pool_3x3, nor_conv_1x1, nor_conv_3x3, none, skip_connect, output, global
  const std::vector<int> hot = {0, 1, 4, 4, 5, 4, 3, 6, 7};
  for (std::size_t node = 0; node < 9; ++node) {
    for (std::size_t column = 0; column < 8; ++column) {
      EXPECT_EQ(encoding.x[node * 8 + column], static_cast<int>(column) == hot[node] ? 1 : 0);
    }
  }
  const std::vector<std::vector<std::size_t>> reads_from = {
      {0}, {0, 1}, {0, 2}, {1, 3}, {0, 4}, {1, 5}, {2, 3, 6}, {4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7, 8}};
  for (std::size_t to = 0; to < 9; ++to) {
    for (std::size_t from = 0; from < 9; ++from) {
      const bool connected = std::count(reads_from[to].begin(), reads_from[to].end(), from) > 0;
      EXPECT_EQ(encoding.adjacency[to * 9 + from], connected ? 1 : 0) << from << "->" << to;
    }
  }
}

}  // namespace
}  // namespace naslat
