#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/plan.hpp"
#include "measure/backends/reference/reference.hpp"
#include "measure/lowering.hpp"
#include "spaces/network_builder.hpp"
#include "spaces/passes.hpp"
#include "spaces/search_space.hpp"
#include "tests/measure/plan_interpreter.hpp"
#include "tests/random_networks.hpp"

namespace naslat::cudnn {
namespace {

using naslat::test::random_network;
using naslat::test::random_sequence_network;
using naslat::test::relative_error;

constexpr double kTolerance = 1e-4;
constexpr GraphMode kModes[] = {GraphMode::eager, GraphMode::fused, GraphMode::pruned};

Plan plan_of(const Network& network, GraphMode mode, bool channels_last, std::int64_t batch = 1) {
  const Network graph = lowered(network, {.backend = "cudnn", .hardware = "", .isa = "", .batch = batch, .mode = mode});
  return make_plan(graph, {.every_op_alone = mode == GraphMode::eager, .channels_last = channels_last});
}

/// Runs the network's plans of all modes and both layouts on the processor, against the reference.
void expect_agreement(const Network& network, std::int64_t batch = 1) {
  const std::vector<float> expected = reference_output(with_batch(network, batch));
  for (const GraphMode mode : kModes) {
    for (const bool channels_last : {false, true}) {
      if (channels_last && network.tensors[network.input].dims.size() != 4) continue;  // sequences have one order
      SCOPED_TRACE(std::string(to_string(mode)) + (channels_last ? ", channels last" : ""));
      const Network graph =
          lowered(network, {.backend = "cudnn", .hardware = "", .isa = "", .batch = batch, .mode = mode});
      const Plan plan = plan_of(network, mode, channels_last, batch);
      test::PlanInterpreter interpreter(graph, plan);
      interpreter.run();
      EXPECT_LE(relative_error(interpreter.output(), expected), kTolerance);
      const std::vector<float> first = interpreter.output();
      interpreter.run();  // what an earlier run left behind must not matter
      EXPECT_EQ(interpreter.output(), first);
    }
  }
}

/// A small one of each space: MobileNetV3's last decision is the resolution.
Architecture draw(const SearchSpace& space, Rng& rng) {
  Architecture architecture = sample(space, rng);
  if (space.name() == "mobilenetv3") architecture.choices.back() = 0;
  return architecture;
}

void expect_agreement_of(const std::string& space_name, int count) {
  const SearchSpace& space = search_space(space_name);
  Rng rng(11);
  for (int i = 0; i < count; ++i) {
    const Architecture architecture = draw(space, rng);
    SCOPED_TRACE(space.format(architecture));
    expect_agreement(space.network(architecture));
  }
}

TEST(CudnnPlan, AgreesForRandomGraphs) {
  Rng rng(3);
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(i);
    expect_agreement(random_network(rng, 5 + static_cast<int>(rng.below(25))), i % 3 == 0 ? 3 : 1);
  }
}

TEST(CudnnPlan, AgreesForRandomSequences) {
  Rng rng(6);
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(i);
    expect_agreement(random_sequence_network(rng, 5 + static_cast<int>(rng.below(25))), i % 3 == 0 ? 2 : 1);
  }
}

TEST(CudnnPlan, AgreesForNasBench201) { expect_agreement_of("nasbench201-imagenet16", 25); }
TEST(CudnnPlan, AgreesForFbnet) { expect_agreement_of("fbnet", 5); }
TEST(CudnnPlan, AgreesForMobileNetV3) { expect_agreement_of("mobilenetv3", 2); }
TEST(CudnnPlan, AgreesForHat) {
  for (const auto& space : search_spaces()) {
    if (space->name().starts_with("hat")) expect_agreement_of(space->name(), 1);
  }
}

TEST(CudnnPlan, FlattensFeatureMapsInTheirOwnOrder) {
  NetworkBuilder net("flatten", Shape{{1, 3, 4, 5}});
  expect_agreement(net.build(net.linear(net.relu(net.input()), 7)), 2);
}

TEST(CudnnPlan, KeepsLiveBuffersApart) {
  for (const auto& space : search_spaces()) {
    Rng rng(12);
    const Network network = space->network(draw(*space, rng));
    for (const GraphMode mode : kModes) {
      SCOPED_TRACE(network.name);
      const Plan plan = plan_of(network, mode, true);
      const ArenaPlan arena = plan_arena(plan, 2);
      for (BufferId a = 0; a < plan.buffers.size(); ++a) {
        const Buffer& first = plan.buffers[a];
        if (first.constant) continue;
        EXPECT_EQ(arena.offsets[a] % kGpuAlignment, 0U);
        EXPECT_LE(arena.offsets[a] + first.elements * 2, arena.bytes);
        for (BufferId b = 0; b < a; ++b) {
          const Buffer& second = plan.buffers[b];
          if (second.constant || first.last_step < second.first_step || second.last_step < first.first_step) continue;
          EXPECT_TRUE(arena.offsets[a] + first.elements * 2 <= arena.offsets[b] ||
                      arena.offsets[b] + second.elements * 2 <= arena.offsets[a]);
        }
      }
    }
  }
}

TEST(CudnnPlan, IsEqualForEqualNetworks) {
  for (const auto& space : search_spaces()) {
    Rng rng(13);
    const Architecture architecture = draw(*space, rng);
    for (const GraphMode mode : kModes) {
      SCOPED_TRACE(space->format(architecture));
      EXPECT_EQ(plan_of(space->network(architecture), mode, false), plan_of(space->network(architecture), mode, false));
    }
  }
}

/// Plans of different networks share uploads by these keys.
TEST(CudnnPlan, GivesEqualKeysToEqualDataOnly) {
  std::map<std::string, std::vector<float>> known;
  for (const char* const name : {"nasbench201-imagenet16", "mobilenetv3"}) {
    const SearchSpace& space = search_space(name);
    Rng rng(14);
    for (int i = 0; i < 4; ++i) {
      const Network network = space.network(draw(space, rng));
      for (const GraphMode mode : kModes) {
        const Network graph = lowered(network, {.backend = "cudnn", .hardware = "", .isa = "", .mode = mode});
        const Plan plan = make_plan(graph, {.channels_last = i % 2 == 0});
        for (const Weights& weights : plan.weights) {
          std::vector<float> values = weight_values(graph, weights);
          const auto [entry, is_new] = known.try_emplace(weights.key, values);
          EXPECT_EQ(entry->second, values) << weights.key;
        }
      }
    }
  }
}

TEST(CudnnPlan, CoversItsStepsWithBlocks) {
  for (const auto& space : search_spaces()) {
    Rng rng(15);
    const Plan plan = plan_of(space->network(draw(*space, rng)), GraphMode::fused, true);
    std::size_t next = 0;
    for (const PlannedBlock& block : plan.blocks) {
      EXPECT_EQ(block.first_step, next);
      next += block.step_count;
    }
    EXPECT_EQ(next, plan.steps.size());
  }
}

TEST(CudnnPlan, FusesBiasAdditionAndReluIntoConvolutions) {
  NetworkBuilder net("fused", Shape{{1, 8, 6, 6}});
  const TensorId x = net.input();
  const TensorId y = net.relu(net.add(net.batch_norm(net.conv(x, {.out_channels = 8, .kernel = 3, .padding = 1})), x));
  const Network network = net.build(net.linear(net.global_average_pool(y), 10));
  const Plan fused = plan_of(network, GraphMode::fused, true);
  ASSERT_EQ(fused.steps.size(), 3U);
  const auto& call = std::get<ConvolutionCall>(fused.steps[0].operation);
  EXPECT_TRUE(call.bias && call.add && call.relu);
  EXPECT_EQ(plan_of(network, GraphMode::eager, false).steps.size(), 6U);
}

/// cuDNN's precompiled engines know no hard-swish: bias and activation follow in one kernel of ours.
TEST(CudnnPlan, PutsOtherActivationsBehindTheConvolution) {
  NetworkBuilder net("hswish", Shape{{1, 8, 6, 6}});
  const TensorId y = net.activation(net.batch_norm(net.conv(net.input(), {.out_channels = 8})), ActivationKind::hswish);
  const Plan plan = plan_of(net.build(net.linear(net.global_average_pool(y), 10)), GraphMode::fused, true);
  ASSERT_EQ(plan.steps.size(), 4U);
  EXPECT_FALSE(std::get<ConvolutionCall>(plan.steps[0].operation).bias);
  EXPECT_EQ(std::get<Elementwise>(plan.steps[1].operation).post_ops.count, 1U);
  EXPECT_EQ(plan.steps[1].operands[0], plan.steps[1].operands[1]) << "in place";
}

TEST(CudnnPlan, RefusesTensorsThatIndicesDoNotReach) {
  NetworkBuilder net("large", Shape{{1, 64, 256, 256}});
  const Network network = net.build(net.linear(net.global_average_pool(net.relu(net.input())), 10));
  EXPECT_NO_THROW(static_cast<void>(plan_of(network, GraphMode::fused, true, 511)));
  EXPECT_THROW(static_cast<void>(plan_of(network, GraphMode::fused, true, 512)), Unsupported);
}

}  // namespace
}  // namespace naslat::cudnn
