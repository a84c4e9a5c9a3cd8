// Tests that need a GPU: they run wherever there is one, and say why they do not elsewhere.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "measure/backend.hpp"
#include "measure/backends/reference/reference.hpp"
#include "spaces/passes.hpp"
#include "spaces/search_space.hpp"
#include "tests/random_networks.hpp"

namespace naslat {
namespace {

using test::random_network;
using test::random_sequence_network;
using test::relative_error;

/// Against the reference in double precision; tf32 and f16 have 11 significant bits, bf16 has 8.
double bound(DataType dtype) {
  if (dtype == DataType::f32) return 1e-4;
  return dtype == DataType::bf16 ? 1e-1 : 2e-2;
}

class CudnnGpu : public testing::TestWithParam<DataType> {
 protected:
  void SetUp() override {
    const std::string why = backend("cudnn").unavailable();
    if (!why.empty()) GTEST_SKIP() << why;
  }

  static void expect_agreement(const Network& network, std::int64_t batch = 1) {
    const std::vector<float> expected = reference_output(with_batch(network, batch));
    for (const GraphMode mode : {GraphMode::eager, GraphMode::fused, GraphMode::pruned}) {
      SCOPED_TRACE(to_string(mode));
      Device device = backend("cudnn").devices().at(0);
      device.dtype = GetParam();
      device.mode = mode;
      device.batch = batch;
      const auto executable = backend("cudnn").compile(network, device);
      EXPECT_LE(relative_error(executable->output(), expected), bound(device.dtype));
      const std::vector<float> first = executable->output();
      executable->run();  // what an earlier run left behind must not matter
      EXPECT_LE(relative_error(executable->output(), first), bound(device.dtype));
    }
  }

  static void expect_agreement_of(const std::string& space_name, int count) {
    const SearchSpace& space = search_space(space_name);
    Rng rng(21);
    for (int i = 0; i < count; ++i) {
      Architecture architecture = sample(space, rng);
      if (space.name() == "mobilenetv3") architecture.choices.back() = 0;  // 128 pixels
      SCOPED_TRACE(space.format(architecture));
      expect_agreement(space.network(architecture));
    }
  }
};

TEST_P(CudnnGpu, AgreesForRandomGraphs) {
  Rng rng(3);
  for (int i = 0; i < 50; ++i) {
    SCOPED_TRACE(i);
    expect_agreement(random_network(rng, 5 + static_cast<int>(rng.below(25))), i % 3 == 0 ? 3 : 1);
  }
}

TEST_P(CudnnGpu, AgreesForRandomSequences) {
  Rng rng(6);
  for (int i = 0; i < 50; ++i) {
    SCOPED_TRACE(i);
    expect_agreement(random_sequence_network(rng, 5 + static_cast<int>(rng.below(25))), i % 3 == 0 ? 2 : 1);
  }
}

TEST_P(CudnnGpu, AgreesFor50NetworksOfNasBench201) { expect_agreement_of("nasbench201-imagenet16", 50); }
TEST_P(CudnnGpu, AgreesFor50Fbnets) { expect_agreement_of("fbnet", 50); }
TEST_P(CudnnGpu, AgreesFor50MobileNetV3s) { expect_agreement_of("mobilenetv3", 50); }
TEST_P(CudnnGpu, AgreesForTransformers) {
  for (const auto& space : search_spaces()) {
    if (space->name().starts_with("hat")) expect_agreement_of(space->name(), 5);
  }
}

TEST_P(CudnnGpu, TimesEveryBlock) {
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  Device device = backend("cudnn").devices().at(0);
  device.dtype = GetParam();
  const auto executable = backend("cudnn").compile(space.network(space.at(123)), device);
  std::vector<double> boundaries_s(executable->blocks().size() + 1);
  executable->run_blocks(steady_clock(), boundaries_s);
  EXPECT_TRUE(std::is_sorted(boundaries_s.begin(), boundaries_s.end()));
}

INSTANTIATE_TEST_SUITE_P(InEveryType, CudnnGpu,
                         testing::Values(DataType::f32, DataType::tf32, DataType::f16, DataType::bf16),
                         [](const auto& type) { return std::string(to_string(type.param)); });

}  // namespace
}  // namespace naslat
