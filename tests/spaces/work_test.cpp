#include "spaces/work.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "spaces/network_builder.hpp"
#include "spaces/search_space.hpp"

namespace naslat {
namespace {

double total(const Work& work, Execution execution, const std::string& figure) {
  const auto& names = work_names();
  const auto place = std::find(names.begin(), names.end(), "total." + figure) - names.begin();
  return static_cast<double>(work.sums[static_cast<std::size_t>(execution)].at(static_cast<std::size_t>(place)));
}

TEST(Work, WrittenMacsAreThoseOfTheNetwork) {
  Rng rng(1);
  for (const auto& space : search_spaces()) {
    for (int repeat = 0; repeat < 5; ++repeat) {
      const Network network = space->network(sample(*space, rng));
      const auto macs = static_cast<double>(naslat::macs(network));
      EXPECT_NEAR(total(work_of(network), Execution::written, "macs"), macs, 1e-4 * macs) << space->name();
    }
  }
}

TEST(Work, KindsAddUpToTheTotals) {
  Rng rng(3);
  for (const auto& space : search_spaces()) {
    const Work work = work_of(space->network(sample(*space, rng)));
    for (const char* figure : {"macs", "elements", "launches"}) {
      double sum = 0;
      for (std::size_t i = 0; i < work_names().size(); ++i) {
        const std::string& name = work_names()[i];
        if (name.ends_with(fmt::format(".{}", figure)) && !name.starts_with("total.")) {
          sum += static_cast<double>(work.sums[0][i]);
        }
      }
      EXPECT_NEAR(total(work, Execution::written, figure), sum, 1e-6 * sum) << space->name() << ' ' << figure;
    }
    std::vector<std::string> totals;
    for (const std::size_t i : work_totals()) totals.push_back(work_names().at(i));
    EXPECT_EQ(totals, (std::vector<std::string>{"total.macs", "total.elements", "total.launches", "total.weights"}));
  }
}

TEST(Work, ExecutedBlocksAreThoseOfTheLoweredNetwork) {
  constexpr std::array kModes = {GraphMode::eager, GraphMode::fused, GraphMode::pruned};
  Rng rng(4);
  for (const auto& space : search_spaces()) {
    const Network network = space->network(sample(*space, rng));
    const Work work = work_of(network, kModes);
    for (const GraphMode mode : kModes) {
      const auto position = static_cast<std::size_t>(mode);
      EXPECT_EQ(work.executed[position], block_work(lowered(network, mode))) << space->name() << ' ' << position;
      const GraphMode one[] = {mode};
      EXPECT_EQ(work_of(network, one).executed[position], work.executed[position]) << space->name() << ' ' << position;
    }
  }
}

TEST(Work, NoExecutionDoesMoreThanTheOneBefore) {
  const SearchSpace& space = search_space("nasbench201");
  Rng rng(2);
  bool less = false;
  for (int repeat = 0; repeat < 50; ++repeat) {
    const Work work = work_of(space.network(sample(space, rng)));
    for (std::size_t i = 0; i < work_names().size(); ++i) {
      EXPECT_GE(work.sums[0][i], work.sums[1][i]) << work_names()[i];
      EXPECT_GE(work.sums[1][i], work.sums[2][i]) << work_names()[i];
      less = less || work.sums[0][i] > work.sums[2][i];
    }
  }
  EXPECT_TRUE(less);
}

/// Edges 0->1 and 1->3 decide whether a convolution on 1->2 matters: its output is used or not, it sees the image or
/// not.
TEST(Work, ExecutionsDifferByDeadEdges) {
  const SearchSpace& space = search_space("nasbench201");
  const auto macs = [&](const char* text, Execution execution) {
    return total(work_of(space.network(space.parse(text))), execution, "macs");
  };
  const char* const empty = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
  const char* const unused = "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|none~2|";  // node 2 goes nowhere
  const char* const unfed = "|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|";   // node 1 is all zeros
  const char* const both = "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|";
  EXPECT_GT(macs(unused, Execution::written), macs(empty, Execution::written));
  EXPECT_EQ(macs(unused, Execution::needed), macs(empty, Execution::needed));
  EXPECT_GT(macs(unfed, Execution::needed), macs(empty, Execution::needed));
  EXPECT_EQ(macs(unfed, Execution::live), macs(empty, Execution::live));
  EXPECT_GT(macs(both, Execution::live), macs(empty, Execution::live));
}

/// Two convolutions of 2^16 and 2^18 multiply-accumulates that move 2^12 + 2^12 and 2^12 + 2^14 elements.
TEST(Work, BeyondALimitEachKernelCountsByItself) {
  NetworkBuilder net("two", {{1, 16, 16, 16}});
  const TensorId x =
      net.conv(net.conv(net.input(), {.out_channels = 16, .kernel = 1}), {.out_channels = 64, .kernel = 1});
  const Work work = work_of(net.build(net.linear(net.global_average_pool(x), 10)));
  const auto written = [&](const std::string& name) { return total(work, Execution::written, name); };
  EXPECT_EQ(written("macs"), 0x5p16 + 640);
  EXPECT_EQ(written("macs_beyond_2^16"), 0x3p16);
  EXPECT_EQ(written("macs_beyond_2^18"), 0);
  const double pooled = 0x1p14 + 64;
  EXPECT_EQ(written("elements"), 0x2p12 + 0x5p12 + pooled + 64 + 10);
  EXPECT_EQ(written("elements_beyond_2^12"), 0x1p12 + 0x4p12 + pooled - 0x1p12);
  EXPECT_EQ(written("elements_beyond_2^14"), 0x1p12 + pooled - 0x1p14);
}

TEST(Work, CountsBlocksByKindAndShape) {
  const SearchSpace& space = search_space("fbnet");
  const auto blocks = [](const Work& work) {
    int sum = 0;
    for (const auto& [hash, times] : work.blocks) sum += times;
    return sum;
  };
  const Work one = work_of(space.network(space.references()[0])), other = work_of(space.network(space.references()[1]));
  EXPECT_GE(blocks(one), 20);
  EXPECT_LE(one.kinds.size(), one.blocks.size());
  EXPECT_EQ(one, work_of(space.network(space.references()[0])));
  EXPECT_NE(one.blocks, other.blocks);
}

}  // namespace
}  // namespace naslat
