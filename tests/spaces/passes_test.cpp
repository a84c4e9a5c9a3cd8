#include "spaces/passes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "measure/backends/reference/reference.hpp"
#include "spaces/network_builder.hpp"
#include "spaces/search_space.hpp"
#include "tests/random_networks.hpp"

namespace naslat {
namespace {

using test::random_network;
using test::relative_error;

constexpr double kTolerance = 1e-5;

/// What every network promises: layers read tensors that exist by then, each tensor is made once, blocks are in range.
void expect_well_formed(const Network& network) {
  std::set<TensorId> made{network.input};
  std::set<std::string> names;
  for (const Layer& layer : network.layers) {
    for (const TensorId tensor : reads(layer)) EXPECT_TRUE(made.contains(tensor)) << layer.name;
    EXPECT_TRUE(made.insert(layer.output).second) << layer.name;
    EXPECT_TRUE(names.insert(layer.name).second) << layer.name;
  }
  EXPECT_TRUE(made.contains(network.output));
  for (const Block& block : network.blocks) {
    EXPECT_GT(block.layer_count, 0U);
    EXPECT_LE(block.first_layer + block.layer_count, network.layers.size());
  }
}

template <typename T>
std::size_t count(const Network& network) {
  return static_cast<std::size_t>(std::count_if(network.layers.begin(), network.layers.end(), [](const Layer& layer) {
    return std::holds_alternative<T>(layer.op);
  }));
}

std::size_t count_running(const Network& network) {
  const std::vector<bool> constant = constant_layers(network);
  return static_cast<std::size_t>(std::count(constant.begin(), constant.end(), false));
}

Network imagenet16(const std::string& architecture) {
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  return space.network(space.parse(architecture));
}

std::string uniform_cell(const std::string& op) {
  return "|" + op + "~0|+|" + op + "~0|" + op + "~1|+|" + op + "~0|" + op + "~1|" + op + "~2|";
}

TEST(Passes, KeepTheOutputsOfRandomNetworks) {
  Rng rng(1);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const Network network = random_network(rng, 5 + static_cast<int>(rng.below(30)));
    const std::vector<float> expected = reference_output(network);
    const Network folded = fold_batch_norm(network), pruned = prune(folded);
    for (const Network& changed : {folded, fuse(network), fuse(folded), pruned, fuse(pruned), fuse(fuse(folded))}) {
      expect_well_formed(changed);
      EXPECT_LE(relative_error(reference_output(changed), expected), kTolerance);
    }
  }
}

TEST(Passes, KeepTheOutputsOfHostileCells) {
  const std::vector<std::string> cells = {
      uniform_cell("none"),
      uniform_cell("skip_connect"),
      uniform_cell("avg_pool_3x3"),
      uniform_cell("nor_conv_3x3"),
      "10",
      "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",   // a zero node feeds a convolution
      "|none~0|+|none~0|avg_pool_3x3~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"};  // zeros all the way
  for (const std::string& cell : cells) {
    SCOPED_TRACE(cell);
    const Network network = imagenet16(cell);
    const std::vector<float> expected = reference_output(network);
    const Network folded = fold_batch_norm(network);
    for (const Network& changed : {fuse(folded), fuse(prune(folded))}) {
      expect_well_formed(changed);
      EXPECT_LE(relative_error(reference_output(changed), expected), kTolerance);
    }
  }
}

TEST(FoldBatchNorm, LeavesOnlyTheTailsBatchNormInNasBench201) {
  const Network network = imagenet16(uniform_cell("nor_conv_3x3"));
  const Network folded = fold_batch_norm(network);
  EXPECT_EQ(count<BatchNorm>(network), 96U);  // stem, 90 edges, two in each reduction, tail
  EXPECT_EQ(count<BatchNorm>(folded), 1U);
  EXPECT_EQ(count<Convolution>(folded), count<Convolution>(network));
}

TEST(FoldBatchNorm, SparesConvolutionsThatOthersRead) {
  NetworkBuilder net("shared", Shape{{1, 4, 3, 3}});
  const TensorId y = net.conv(net.input(), {.out_channels = 4});
  const Network network = net.build(net.add(y, net.batch_norm(y)));
  EXPECT_EQ(fold_batch_norm(network), network);
}

TEST(Fuse, LeavesNoAdditionAndNoRepeatedReluInDenseCells) {
  const Network fused = fuse(fold_batch_norm(imagenet16(uniform_cell("nor_conv_3x3"))));
  EXPECT_EQ(count<Add>(fused), 0U);
  EXPECT_EQ(count<Affine>(fused), 0U);
  // Stem, 90 edges, in each reduction three convolutions, a pool and a relu whose input the pool reads too, and the
  // tail.
  EXPECT_EQ(fused.layers.size(), 1U + 90U + 2 * 5U + 3U);
}

TEST(Fuse, KeepsEveryProductByZero) {
  const Network fused = fuse(fold_batch_norm(imagenet16("10")));
  EXPECT_EQ(count<Affine>(fused), 45U);  // 15 cells of three; additions of the scalar 0 are gone
}

TEST(Fuse, MovesAHostBehindTheTensorItAdds) {
  NetworkBuilder net("late", Shape{{1, 4, 5, 5}});
  const TensorId conv = net.conv(net.input(), {.out_channels = 4, .kernel = 3, .padding = 1}, "host");
  const TensorId pool = net.average_pool(net.input(), {.kernel = 3, .stride = 1, .padding = 1}, "late");
  const Network network = net.build(net.add(conv, pool));
  const Network fused = fuse(network);
  ASSERT_EQ(fused.layers.size(), 2U);
  EXPECT_EQ(fused.layers[0].name, "late");
  EXPECT_EQ(fused.layers[1].name, "host");
  EXPECT_EQ(reference_output(fused), reference_output(network));
}

TEST(Fuse, AddsATensorToItselfByALayerOfItsOwn) {
  NetworkBuilder net("twice", Shape{{1, 4, 3, 3}});
  const TensorId y = net.conv(net.input(), {.out_channels = 4});
  const Network fused = fuse(net.build(net.add(y, y)));
  EXPECT_EQ(count<Add>(fused), 1U);
}

TEST(Prune, LeavesNothingToRunWhereCellsDoNotReachTheOutput) {
  EXPECT_EQ(count_running(prune(fold_batch_norm(imagenet16("10")))), 0U);
  EXPECT_EQ(count_running(prune(fold_batch_norm(imagenet16(uniform_cell("none"))))), 0U);
}

TEST(Prune, DropsDeadEdgesAndZeroTerms) {
  const Network pruned =
      prune(fold_batch_norm(imagenet16("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")));
  EXPECT_EQ(count<Convolution>(pruned), 7U);  // stem and reductions: cells are identities
  EXPECT_EQ(count<Affine>(pruned), 15U);      // a sum of one term each, for fuse to drop
}

TEST(Prune, ComputesConvolutionsOfZerosOnce) {
  const Network pruned =
      prune(fold_batch_norm(imagenet16("|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")));
  const std::vector<bool> constant = constant_layers(pruned);
  int once = 0;
  for (std::size_t i = 0; i < pruned.layers.size(); ++i) {
    once += std::holds_alternative<Convolution>(pruned.layers[i].op) && constant[i] ? 1 : 0;
  }
  EXPECT_EQ(once, 30);
  EXPECT_EQ(count<Convolution>(pruned), 37U);
}

TEST(WithBatch, ChangesTheOutermostExtentOnly) {
  const Network one = imagenet16("0"), four = with_batch(one, 4);
  for (std::size_t t = 0; t < one.tensors.size(); ++t)
    EXPECT_EQ(four.tensors[t].elements(), 4 * one.tensors[t].elements());
  EXPECT_EQ(four.layers, one.layers);
}

}  // namespace
}  // namespace naslat
