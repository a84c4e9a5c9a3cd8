// The backend on a GPU that the processor plays (cudnn_fakes/processor_*): everything but the vendor's arithmetic.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/cudnn.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/reference/reference.hpp"
#include "spaces/network_builder.hpp"
#include "spaces/passes.hpp"
#include "spaces/search_space.hpp"
#include "tests/random_networks.hpp"

namespace naslat::cudnn {
namespace {

namespace fs = std::filesystem;
using naslat::test::random_network;
using naslat::test::random_sequence_network;
using naslat::test::relative_error;

/// The backend as it is where NASLAT_CUDA_PATH names one of the folders of shared objects built with the tests.
std::unique_ptr<Backend> backend_with(const std::string& folder) {
  setenv("NASLAT_CUDA_PATH", (fs::path(NASLAT_CUDNN_FAKES) / folder).c_str(), 1);
  std::unique_ptr<Backend> backend = make_cudnn_backend();
  static_cast<void>(backend->devices());
  unsetenv("NASLAT_CUDA_PATH");
  return backend;
}

Device device_of(const Backend& backend, GraphMode mode, std::int64_t batch = 1) {
  Device device = backend.devices().at(0);
  device.mode = mode;
  device.batch = batch;
  return device;
}

void expect_agreement(Backend& backend, const Network& network, std::int64_t batch = 1) {
  const std::vector<float> expected = reference_output(with_batch(network, batch));
  for (const GraphMode mode : {GraphMode::eager, GraphMode::fused, GraphMode::pruned}) {
    SCOPED_TRACE(to_string(mode));
    const auto executable = backend.compile(network, device_of(backend, mode, batch));
    EXPECT_LE(relative_error(executable->output(), expected), 1e-4);
    const std::vector<float> first = executable->output();
    executable->run();  // what an earlier run left behind must not matter
    EXPECT_EQ(executable->output(), first);
    std::vector<double> boundaries_s(executable->blocks().size() + 1);
    executable->run_blocks(steady_clock(), boundaries_s);
    EXPECT_EQ(executable->output(), first);
    EXPECT_TRUE(std::is_sorted(boundaries_s.begin(), boundaries_s.end()));
  }
}

TEST(CudnnBackend, AgreesForRandomGraphs) {
  const auto backend = backend_with("processor");
  ASSERT_EQ(backend->unavailable(), "");
  Rng rng(31);
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE(i);
    expect_agreement(*backend, random_network(rng, 5 + static_cast<int>(rng.below(25))), i % 3 == 0 ? 3 : 1);
  }
}

TEST(CudnnBackend, AgreesForRandomSequences) {
  const auto backend = backend_with("processor");
  Rng rng(32);
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE(i);
    expect_agreement(*backend, random_sequence_network(rng, 5 + static_cast<int>(rng.below(25))), i % 3 == 0 ? 2 : 1);
  }
}

TEST(CudnnBackend, AgreesForArchitecturesOfSpaces) {
  const auto backend = backend_with("processor");
  Rng rng(33);
  for (const char* const name : {"nasbench201-imagenet16", "fbnet", "mobilenetv3"}) {
    const SearchSpace& space = search_space(name);
    Architecture architecture = sample(space, rng);
    if (space.name() == "mobilenetv3") architecture.choices.back() = 0;  // 128 pixels
    SCOPED_TRACE(space.format(architecture));
    expect_agreement(*backend, space.network(architecture));
  }
}

/// An executable keeps its memory when a later one needs a larger arena.
TEST(CudnnBackend, KeepsExecutablesApart) {
  const auto backend = backend_with("processor");
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  const auto small = backend->compile(space.network(space.at(7)), device_of(*backend, GraphMode::fused));
  const std::vector<float> expected = small->output();
  const auto large = backend->compile(space.network(space.at(8)), device_of(*backend, GraphMode::fused, 5));
  large->run();
  small->run();
  EXPECT_EQ(small->output(), expected);
}

TEST(CudnnBackend, TellsWhatRan) {
  const auto backend = backend_with("processor");
  NetworkBuilder net("fused", Shape{{1, 8, 6, 6}});
  const TensorId y = net.relu(net.batch_norm(net.conv(net.input(), {.out_channels = 8, .kernel = 3, .padding = 1})));
  const auto executable =
      backend->compile(net.build(net.linear(net.global_average_pool(y), 10)), device_of(*backend, GraphMode::fused));
  const ExecutableInfo& info = executable->info();
  EXPECT_EQ(info.kernels, (std::vector<std::string>{"1x conv cudnn:algorithm2", "1x matmul+bias cublaslt:algorithm0",
                                                    "1x naslat:elementwise_f32", "1x naslat:global_pooling_f32"}));
  EXPECT_EQ(info.primitives, 4);
  EXPECT_EQ(info.scratchpad_bytes, 1024);
  ASSERT_EQ(info.notes.size(), 1U) << "bias and ReLU had to follow the convolution";
  EXPECT_GT(info.arena_bytes, 0);
  EXPECT_GT(info.weight_bytes, 8 * 8 * 9 * 4);
}

TEST(CudnnBackend, RefusesAnInstructionSet) {
  const auto backend = backend_with("processor");
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  Device device = device_of(*backend, GraphMode::fused);
  device.isa = "avx2";
  EXPECT_THROW(static_cast<void>(backend->compile(space.network(space.at(0)), device)), DataError);
}

TEST(CudnnBackend, NamesItsDevice) {
  const auto backend = backend_with("processor");
  EXPECT_EQ(backend->devices().at(0).hardware, "processor-1");
  const auto facts = backend->facts();
  EXPECT_EQ(facts.at(0), std::pair(std::string("gpu"), std::string("NVIDIA Processor 1")));
}

TEST(CudnnBackend, NamesGpusShortly) {
  EXPECT_EQ(short_name("NVIDIA GeForce GTX 1080 Ti"), "geforce-gtx-1080-ti");
  EXPECT_EQ(short_name("NVIDIA H100 80GB HBM3"), "h100-80gb-hbm3");
  EXPECT_EQ(short_name("Tesla T4"), "tesla-t4");
}

TEST(CudnnBackend, SaysInOneLineWhyThereIsNoGpu) {
  const auto no_gpu = backend_with("no_gpu"), old_driver = backend_with("old_driver");
  EXPECT_TRUE(no_gpu->devices().empty());
  EXPECT_EQ(no_gpu->unavailable(), "cudnn: the driver does not start: no CUDA-capable device is detected");
  EXPECT_EQ(old_driver->unavailable(), "cudnn: the driver is too old: got CUDA 11.4, wanted 12.0 or newer");
}

TEST(CudnnBackend, CompilesNothingWithoutAGpu) {
  const auto backend = backend_with("no_gpu");
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  EXPECT_THROW(
      static_cast<void>(backend->compile(space.network(space.at(0)), {.backend = "cudnn", .hardware = "", .isa = ""})),
      DataError);
  EXPECT_TRUE(backend->facts().empty());
}

}  // namespace
}  // namespace naslat::cudnn
