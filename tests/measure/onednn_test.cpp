#include "measure/backends/onednn/onednn.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>

#include "configs/errors.hpp"
#include "measure/backends/reference/reference.hpp"
#include "spaces/network_builder.hpp"
#include "spaces/passes.hpp"
#include "spaces/search_space.hpp"
#include "tests/random_networks.hpp"

namespace naslat {
namespace {

using test::random_network;
using test::random_sequence_network;
using test::relative_error;

constexpr double kTolerance = 1e-5;      // NAS-Bench-201 and small graphs
constexpr double kDeepTolerance = 1e-4;  // fifty and more layers in a row
constexpr GraphMode kModes[] = {GraphMode::eager, GraphMode::fused, GraphMode::pruned};

/// One process has one ISA limit and one team of threads: children of these tests get others by the environment.
Device test_device(GraphMode mode, std::int64_t batch = 1) {
  const char* const isa = std::getenv("NASLAT_TEST_ISA");
  const char* const threads = std::getenv("NASLAT_TEST_THREADS");
  return {.backend = "onednn",
          .hardware = "",
          .isa = isa != nullptr ? isa : "",
          .threads = threads != nullptr ? std::atoi(threads) : 1,
          .batch = batch,
          .mode = mode};
}

Backend& onednn_backend() { return backend("onednn"); }

/// Runs the network in all three modes against the reference.
void expect_agreement(const Network& network, std::int64_t batch = 1, double tolerance = kTolerance) {
  const std::vector<float> expected = reference_output(with_batch(network, batch));
  for (const GraphMode mode : kModes) {
    SCOPED_TRACE(to_string(mode));
    const auto executable = onednn_backend().compile(network, test_device(mode, batch));
    EXPECT_LE(relative_error(executable->output(), expected), tolerance);
    executable->run();  // what an earlier run left behind must not matter
    EXPECT_LE(relative_error(executable->output(), expected), tolerance);
  }
}

void expect_agreement_of_random_architectures(const std::string& space_name, int count, std::uint64_t seed,
                                              double tolerance = kTolerance) {
  const SearchSpace& space = search_space(space_name);
  Rng rng(seed);
  for (int i = 0; i < count; ++i) {
    const Architecture architecture = sample(space, rng);
    SCOPED_TRACE(space.format(architecture));
    expect_agreement(space.network(architecture), 1, tolerance);
  }
}

TEST(OnednnAgreement, HoldsOver180RandomArchitecturesAt16x16) {
  expect_agreement_of_random_architectures("nasbench201-imagenet16", 180, 1);
}

TEST(OnednnAgreement, HoldsOver20RandomArchitecturesAt32x32) {
  expect_agreement_of_random_architectures("nasbench201", 20, 2);
}

TEST(OnednnAgreement, HoldsForHostileCells) {
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  for (const char* const cell :
       {"10", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|",
        "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"}) {
    SCOPED_TRACE(cell);
    expect_agreement(space.network(space.parse(cell)));
  }
}

TEST(OnednnAgreement, HoldsForBatches) {
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  for (const std::int64_t batch : {2, 5}) expect_agreement(space.network(space.at(123)), batch);
}

TEST(OnednnAgreement, HoldsForRandomGraphs) {
  Rng rng(3);
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(i);
    const std::int64_t channels = rng.below(2) == 0 ? 16 : 6;  // 6: no vector width divides it
    expect_agreement(random_network(rng, 5 + static_cast<int>(rng.below(25)), channels), i % 3 == 0 ? 3 : 1);
  }
}

TEST(OnednnAgreement, HoldsForRandomSequences) {
  Rng rng(6);
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(i);
    expect_agreement(random_sequence_network(rng, 5 + static_cast<int>(rng.below(25))), i % 3 == 0 ? 2 : 1,
                     kDeepTolerance);
  }
}

TEST(OnednnAgreement, HoldsOver100RandomFbnets) {
  expect_agreement_of_random_architectures("fbnet", 100, 7, kDeepTolerance);
}

TEST(OnednnAgreement, HoldsOver100RandomMobileNetV3s) {
  const SearchSpace& space = search_space("mobilenetv3");
  Rng rng(8);
  for (int i = 0; i < 100; ++i) {
    Architecture architecture = sample(space, rng);
    architecture.choices.back() = static_cast<std::uint8_t>(i < 95 ? 0 : i % 25);  // 128 pixels, then others
    SCOPED_TRACE(space.format(architecture));
    expect_agreement(space.network(architecture), 1, kDeepTolerance);
  }
}

TEST(OnednnAgreement, HoldsForTheNamedNetworks) {
  const SearchSpace& zoo = search_space("zoo");
  for (std::uint64_t i = 0; i < 11; ++i) {  // the others are architectures of the MobileNetV3 space
    SCOPED_TRACE(zoo.format(zoo.at(i)));
    expect_agreement(zoo.network(zoo.at(i)), 1, kDeepTolerance);
  }
}

/// The test program itself, on the random graphs and a batch, under another limit.
int run_child(const std::string& settings) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string tests =
      "HoldsForRandomGraphs:*HoldsForRandomSequences:*HoldsForHostileCells:*HoldsForBatches:*ObeyTheIsaLimit";
  return std::system(
      fmt::format("{} '{}' --gtest_brief=1 '--gtest_filter=*{}' >/dev/null", settings, self, tests).c_str());
}

TEST(OnednnChildren, AgreeUnderLowerInstructionSets) {
#if defined(__x86_64__)
  EXPECT_EQ(run_child("NASLAT_TEST_ISA=sse41"), 0);
  EXPECT_EQ(run_child("NASLAT_TEST_ISA=avx2"), 0);
#else
  GTEST_SKIP() << "ISA limits exist on x86 only";
#endif
}

TEST(OnednnChildren, AgreeOnTwoThreads) {
  if (onednn_backend().devices()[0].threads < 2) GTEST_SKIP() << "one usable core";
  EXPECT_EQ(run_child("NASLAT_TEST_THREADS=2"), 0);
}

/// Random networks of each space in a data type that the processor has, against f32.
void expect_agreement_in(DataType dtype, int networks) {
  Rng rng(9);
  for (const char* const name : {"nasbench201-imagenet16", "fbnet", "mobilenetv3"}) {
    const SearchSpace& space = search_space(name);
    for (int i = 0; i < networks; ++i) {
      Architecture architecture = sample(space, rng);
      if (space.name() == "mobilenetv3") architecture.choices.back() = 0;  // 128 pixels
      const Network network = space.network(architecture);
      SCOPED_TRACE(network.name);
      const std::vector<float> expected = reference_output(network);
      for (const GraphMode mode : {GraphMode::eager, GraphMode::fused}) {
        Device device = test_device(mode);
        device.dtype = dtype;
        std::unique_ptr<Executable> executable;
        try {
          executable = onednn_backend().compile(network, device);
        } catch (const Unsupported& reason) {
          GTEST_SKIP() << reason.what();
        }
        const double error = relative_error(executable->output(), expected);
        EXPECT_LE(error, 2e-2) << to_string(mode);
        EXPECT_GT(error, 1e-5) << "as exact as f32: was it?";
      }
    }
  }
}

TEST(OnednnDataTypes, AgreeToTwoPercentInBfloat16) { expect_agreement_in(DataType::bf16, 8); }

TEST(OnednnDataTypes, AgreeToTwoPercentInHalfPrecision) { expect_agreement_in(DataType::f16, 3); }

std::map<std::uint64_t, int> ids_of(const std::vector<BlockInfo>& blocks) {
  std::map<std::uint64_t, int> counts;
  for (const BlockInfo& block : blocks) ++counts[block_id(block.layers)];
  return counts;
}
std::map<std::uint64_t, int> ids_of(const std::vector<BlockWork>& blocks) {
  std::map<std::uint64_t, int> counts;
  for (const BlockWork& block : blocks) counts[block.id] = block.count;
  return counts;
}

/// They have the names by which predictors look them up, at whatever batch.
TEST(OnednnBlocks, CoverTheNetworkAndLeaveItsOutputAsItWas) {
  for (const char* const name : {"nasbench201", "fbnet", "mobilenetv3"}) {
    const SearchSpace& space = search_space(name);
    for (const GraphMode mode : kModes) {
      SCOPED_TRACE(fmt::format("{} {}", name, to_string(mode)));
      const auto executable = onednn_backend().compile(space.network(space.references()[0]), test_device(mode, 2));
      const std::vector<float> expected = executable->output();
      const std::vector<BlockInfo>& blocks = executable->blocks();
      ASSERT_GT(blocks.size(), 10U);
      EXPECT_EQ(blocks.front().kind, "stem");
      EXPECT_EQ(ids_of(blocks), ids_of(block_work(lowered(space.network(space.references()[0]), mode))));
      std::vector<double> boundaries_s(blocks.size() + 1);
      executable->run_blocks(steady_clock(), boundaries_s);
      EXPECT_TRUE(std::is_sorted(boundaries_s.begin(), boundaries_s.end()));
      EXPECT_EQ(executable->output(), expected);
    }
  }
}

TEST(OnednnDevices, ObeyTheIsaLimit) {
  const Device device = test_device(GraphMode::fused);
  Rng rng(5);
  static_cast<void>(onednn_backend().compile(random_network(rng, 5), device));
  std::string effective;
  for (const auto& [name, value] : onednn_backend().facts()) {
    if (name == "onednn_isa") effective = value;
  }
  if (device.isa.empty()) {
    EXPECT_FALSE(effective.empty());  // no limit in this process: what there is
  } else {
    EXPECT_EQ(effective, device.isa);
  }
}

TEST(OnednnDevices, AreOnePerProcess) {
  const Network network = search_space("nasbench201-imagenet16").network(search_space("nasbench201-imagenet16").at(55));
  const Device device = test_device(GraphMode::fused);
  static_cast<void>(onednn_backend().compile(network, device));
  Device other = device;
  other.threads = device.threads + 1;
  EXPECT_THROW(static_cast<void>(onednn_backend().compile(network, other)), DataError);
  other = device;
  other.isa = device.isa == "avx2" ? "sse41" : "avx2";
#if defined(__x86_64__)
  EXPECT_THROW(static_cast<void>(onednn_backend().compile(network, other)), DataError);
#endif
  other.isa = "avx3000";
  EXPECT_THROW(static_cast<void>(onednn_backend().compile(network, other)), ConfigError);
  other = device;
  other.dtype = DataType::tf32;
  EXPECT_THROW(static_cast<void>(onednn_backend().compile(network, other)), Unsupported);
}

TEST(OnednnInfo, CountsPrimitivesAndBytesOfAChain) {
  NetworkBuilder net("chain", Shape{{1, 16, 8, 8}});
  TensorId x = net.input();
  for (const char* const name : {"a", "b", "c"}) {
    x = net.conv(x, {.out_channels = 16, .kernel = 3, .padding = 1, .bias = true}, name);
    x = net.relu(x, std::string(name) + ".relu");
  }
  const Network network = net.build(x);
  const ExecutableInfo info = onednn_backend().compile(network, test_device(GraphMode::fused))->info();
  EXPECT_EQ(info.primitives, 3 + info.reorders);
  EXPECT_EQ(info.weight_bytes, (3 * (16 * 16 * 9 + 16) + 16 * 8 * 8) * 4);
  EXPECT_EQ(info.arena_bytes, 2 * 16 * 8 * 8 * 4);  // ping and pong
  int counted = 0;
  for (const std::string& kernel : info.kernels) counted += std::stoi(kernel);
  EXPECT_EQ(counted, info.primitives);
}

TEST(OnednnModes, FuseAndPruneSavePrimitivesOnEveryReference) {
  const SearchSpace& space = search_space("nasbench201");
  for (const Architecture& architecture : space.references()) {
    SCOPED_TRACE(space.format(architecture));
    std::map<GraphMode, ExecutableInfo> info;
    for (const GraphMode mode : kModes) {
      info[mode] = onednn_backend().compile(space.network(architecture), test_device(mode))->info();
    }
    EXPECT_LT(2 * info[GraphMode::fused].primitives, info[GraphMode::eager].primitives);
    EXPECT_LE(info[GraphMode::pruned].primitives, info[GraphMode::fused].primitives);
    EXPECT_LE(info[GraphMode::fused].reorders, 1);  // the input's
    EXPECT_EQ(info[GraphMode::eager].notes, std::vector<std::string>{});
  }
}

TEST(OnednnExecutables, ShareTheArenaWithoutDisturbingOneAnother) {
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  const auto small = onednn_backend().compile(space.network(space.at(55)), test_device(GraphMode::fused));
  const std::vector<float> expected = small->output();
  const auto large = onednn_backend().compile(space.network(space.at(1462)), test_device(GraphMode::eager, 16));
  small->run();
  EXPECT_EQ(small->output(), expected);
  large->run();
  small->run();
  EXPECT_EQ(small->output(), expected);
}

}  // namespace
}  // namespace naslat
