// The backend on a GPU that the processor plays (cudnn_fakes/processor_*): everything but the vendor's arithmetic.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/autotune.hpp"
#include "measure/backends/cudnn/bounded_cache.hpp"
#include "measure/backends/cudnn/cudnn.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/cudnn/shared_library.hpp"
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

TEST(CudnnBackend, MeasuresTheGpusOwnTime) {
  const auto backend = backend_with("processor");
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  const auto executable = backend->compile(space.network(space.at(7)), device_of(*backend, GraphMode::fused));
  const Clock now = steady_clock();
  for (int i = 0; i < 3; ++i) {
    const double start_s = now();
    executable->run();
    const double host_s = now() - start_s;
    EXPECT_GT(executable->device_run_s().value(), 0);
    EXPECT_LE(executable->device_run_s().value(), host_s + 1e-6);
  }
}

/// Variables of the driver that the processor plays.
template <typename Value>
Value& of_driver(const char* name) {
  const SharedLibrary driver({"libcuda.so.1"},
                             {.chosen = {fs::path(NASLAT_CUDNN_FAKES) / "processor"}, .loader = false, .usual = {}});
  return *static_cast<Value*>(driver.require(name));
}

/// A network, what it says without a graph, and the device that replays it as one.
class CudaGraphs : public testing::Test {
 protected:
  CudaGraphs() { device.cuda_graph = true; }

  const std::unique_ptr<Backend> backend = backend_with("processor");
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  const Network network = space.network(space.at(7));
  Device device = device_of(*backend, GraphMode::fused);
  const std::vector<float> expected = backend->compile(network, device)->output();
};

TEST_F(CudaGraphs, AreCapturedOnceAndReplayed) {
  const int &launches = of_driver<int>("fake_launches"), &replays = of_driver<int>("fake_replays");
  const int replays_before = replays;
  const auto executable = backend->compile(network, device);
  EXPECT_GE(replays, replays_before + 4);
  EXPECT_TRUE(executable->info().notes.empty() || executable->info().notes[0].find("CUDA graph") == std::string::npos);
  EXPECT_TRUE(executable->blocks().empty());
  const int launches_before = launches, warm_replays = replays;
  executable->run();
  EXPECT_EQ(launches, launches_before);
  EXPECT_EQ(replays, warm_replays + 1);
  EXPECT_GE(executable->device_run_s().value(), 0);
  EXPECT_EQ(executable->output(), expected);
}

TEST_F(CudaGraphs, GiveWayToPlainLaunchesWhereTheyCannotBeCaptured) {
  of_driver<bool>("fake_refuse_capture") = true;
  const auto executable = backend->compile(network, device);
  of_driver<bool>("fake_refuse_capture") = false;
  ASSERT_FALSE(executable->info().notes.empty());
  EXPECT_EQ(executable->info().notes.back().find("no CUDA graph but plain launches: cudnn: "), 0U)
      << executable->info().notes.back();
  const int launches = of_driver<int>("fake_launches");
  executable->run();
  EXPECT_GT(of_driver<int>("fake_launches"), launches);
  EXPECT_FALSE(executable->blocks().empty());
  EXPECT_EQ(executable->output(), expected);
}

Network one_convolution(std::int64_t channels) {
  NetworkBuilder net("one", Shape{{1, channels, 6, 6}});
  const TensorId y = net.relu(net.conv(net.input(), {.out_channels = 8, .kernel = 3, .padding = 1}));
  return net.build(net.linear(net.global_average_pool(y), 10));
}

TEST(Autotuning, LeavesTheHeuristicsChoiceForAFasterOneAndRemembersIt) {
  const auto backend = backend_with("processor");
  Device device = device_of(*backend, GraphMode::fused);
  const Network network = one_convolution(8);
  const std::vector<float> expected = backend->compile(network, device)->output();
  device.autotune = true;
  const auto executable = backend->compile(network, device);
  const auto& kernels = executable->info().kernels;
  const std::string chosen = "1x conv cudnn:algorithm3 (autotuned 3 of 3, workspace 512)";
  EXPECT_EQ(kernels.at(0), chosen);
  EXPECT_EQ(executable->output(), expected);
  const int uploads = of_driver<int>("fake_uploads");
  EXPECT_EQ(backend->compile(network, device)->info().kernels, kernels);
  EXPECT_EQ(of_driver<int>("fake_uploads"), uploads) << "nothing was timed again, no weights were uploaded again";
  device.autotune = false;
  EXPECT_EQ(backend->compile(network, device)->info().kernels.at(0), "1x conv cudnn:algorithm2");
}

TEST(Autotuning, KeepsTheFirstCandidateUnlessAnotherGainsMoreThanThreePercent) {
  using Samples = std::vector<std::vector<double>>;
  EXPECT_EQ(fastest_candidate(Samples{{100, 100, 100}, {98, 98, 98}}), 0U);
  EXPECT_EQ(fastest_candidate(Samples{{100, 100, 100}, {97, 97, 97}}), 0U);
  EXPECT_EQ(fastest_candidate(Samples{{100, 100, 100}, {96.9, 96.9, 96.9}}), 1U);
  EXPECT_EQ(fastest_candidate(Samples{{100, 100, 100}, {90, 90, 90}, {80, 80, 80}}), 2U);
  EXPECT_EQ(fastest_candidate(Samples{{100, 100, 1}, {90, 900, 90}}), 1U) << "medians decide";
  EXPECT_EQ(fastest_candidate(Samples{{}, {100, 100, 100}, {99, 99, 99}}), 1U) << "the first that works";
  EXPECT_EQ(fastest_candidate(Samples{{}, {}}), std::nullopt);
  EXPECT_EQ(fastest_candidate({}), std::nullopt);
}

TEST(BoundedCache, DropsTheLeastRecentlyUsedOfWhatNobodyHolds) {
  BoundedCache<std::string, int> cache(10);
  cache.insert("stays", 0, 0);
  cache.insert("a", 1, 4);
  const auto held = cache.insert("b", 2, 4);
  cache.insert("c", 3, 2);
  EXPECT_TRUE(cache.find("a"));
  cache.insert("d", 4, 2);  // "b" is the oldest, and held
  EXPECT_FALSE(cache.find("c"));
  EXPECT_TRUE(cache.find("a"));
  cache.insert("e", 5, 1);
  EXPECT_FALSE(cache.find("d"));
  EXPECT_TRUE(cache.find("a") && cache.find("b") && cache.find("e") && cache.find("stays"));
  EXPECT_EQ(cache.size(), 9U);
}

/// Weights that no executable uses any more go once they fill their share of the GPU's memory.
TEST(Workshop, HoldsABoundedAmountOfWeights) {
  std::size_t& memory_bytes = of_driver<std::size_t>("fake_memory_bytes");
  const std::size_t before = std::exchange(memory_bytes, 0);
  const auto backend = backend_with("processor");
  const Network network = one_convolution(8), another = one_convolution(16);
  const Device device = device_of(*backend, GraphMode::fused);
  const int& uploads = of_driver<int>("fake_uploads");
  auto held = backend->compile(network, device);  // the GPU's first use
  memory_bytes = before;
  static_cast<void>(backend->compile(another, device));
  const int uploaded = uploads;
  const std::vector<float> expected = backend->compile(network, device)->output();
  EXPECT_EQ(uploads, uploaded) << "they are shared while an executable holds them";
  held->run();
  EXPECT_EQ(held->output(), expected);
  held.reset();
  static_cast<void>(backend->compile(one_convolution(24), device));
  const int uploaded_again = uploads;
  EXPECT_EQ(backend->compile(network, device)->output(), expected);
  EXPECT_GT(uploads, uploaded_again);
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
  EXPECT_EQ(facts.back(), std::pair(std::string("gpu_driver"), std::string("580.65.06")));
}

TEST(CudnnBackend, ListsEveryGpuThatIsNewEnough) {
  const auto backend = backend_with("processor");
  std::vector<std::string> names;
  for (const Device& device : backend->devices()) names.push_back(device.hardware);
  EXPECT_EQ(names, (std::vector<std::string>{"processor-1", "processor-1-gpu1", "processor-2"}));
}

TEST(CudnnBackend, MeasuresOnTheGpuOfThatName) {
  const auto backend = backend_with("processor");
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  const Network network = space.network(space.at(7));
  const std::vector<float> expected = backend->compile(network, device_of(*backend, GraphMode::fused))->output();
  const auto second = backend->compile(network, backend->devices().at(1));
  EXPECT_EQ(second->device_state().temperature_c, 35) << "the card at the second GPU's place on the bus";
  const auto third = backend->compile(network, backend->devices().at(2));
  EXPECT_TRUE(third->device_state().empty()) << "NVML does not know this one";
  EXPECT_EQ(third->output(), expected);
  EXPECT_EQ(backend->facts().at(0).second, "NVIDIA Processor 2");
  Device elsewhere = device_of(*backend, GraphMode::fused);
  elsewhere.hardware = "h100";
  EXPECT_THROW(static_cast<void>(backend->compile(network, elsewhere)), DataError);
}

TEST(CudnnBackend, ReadsTheStateOfItsGpu) {
  const auto backend = backend_with("processor");
  const SearchSpace& space = search_space("nasbench201-imagenet16");
  const auto executable = backend->compile(space.network(space.at(0)), device_of(*backend, GraphMode::fused));
  const DeviceState state = executable->device_state();
  EXPECT_EQ(state.temperature_c, 61);
  EXPECT_TRUE(throttled({.before = state}));
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
