// Tests that need a GPU: they run wherever there is one, and say why they do not elsewhere.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
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

  struct Extras {
    bool cuda_graph = false, autotune = false;
  };
  static std::unique_ptr<Executable> compile_one(const Extras& extras) {
    const SearchSpace& space = search_space("nasbench201-imagenet16");
    Device device = backend("cudnn").devices().at(0);
    device.dtype = GetParam();
    device.cuda_graph = extras.cuda_graph;
    device.autotune = extras.autotune;
    return backend("cudnn").compile(space.network(space.at(123)), device);
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

TEST_P(CudnnGpu, MeasuresItsOwnTimeWithinTheHosts) {
  const auto executable = compile_one({});
  const Clock now = steady_clock();
  const double start_s = now();
  executable->run();
  const double host_s = now() - start_s;
  EXPECT_GT(executable->device_run_s().value(), 0);
  EXPECT_LE(executable->device_run_s().value(), host_s + 1e-6);  // events have steps of half a microsecond
}

TEST_P(CudnnGpu, ReplaysItsRunAsACudaGraph) {
  const auto plain = compile_one({}), graph = compile_one({.cuda_graph = true});
  for (const std::string& note : graph->info().notes) EXPECT_EQ(note.find("no CUDA graph"), std::string::npos) << note;
  graph->run();
  EXPECT_LE(relative_error(graph->output(), plain->output()), bound(GetParam()));
}

TEST_P(CudnnGpu, AgreesWithAutotunedEngines) {
  const auto plain = compile_one({}), tuned = compile_one({.autotune = true});
  EXPECT_LE(relative_error(tuned->output(), plain->output()), bound(GetParam()));
  EXPECT_EQ(compile_one({.autotune = true})->info().kernels, tuned->info().kernels) << "choices are remembered";
}

/// Virtual GPUs and systems without NVML say nothing.
TEST_P(CudnnGpu, SaysHowItIs) {
  const DeviceState state = compile_one({})->device_state();
  if (state.empty()) GTEST_SKIP() << "no NVML for this GPU";
  EXPECT_GT(state.sm_clock_mhz.value_or(1), 0);
  EXPECT_LT(state.temperature_c.value_or(0), 120);
  EXPECT_LT(state.power_w.value_or(0), 2000);
}

/// Thousands of networks must fit through one GPU: here some, with weights of their own.
TEST_P(CudnnGpu, CompilesManyNetworksOneAfterTheOther) {
  const SearchSpace& space = search_space("fbnet");
  Rng rng(8);
  for (int i = 0; i < 100; ++i) {
    Device device = backend("cudnn").devices().at(0);
    device.dtype = GetParam();
    EXPECT_NO_THROW(static_cast<void>(backend("cudnn").compile(space.network(sample(space, rng)), device)));
  }
}

INSTANTIATE_TEST_SUITE_P(InEveryType, CudnnGpu,
                         testing::Values(DataType::f32, DataType::tf32, DataType::f16, DataType::bf16),
                         [](const auto& type) { return std::string(to_string(type.param)); });

}  // namespace
}  // namespace naslat
