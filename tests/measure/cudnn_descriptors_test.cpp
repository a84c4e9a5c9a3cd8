// What of the GPU's libraries works without a GPU: descriptors and the choice of engines.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/convolution.hpp"
#include "measure/backends/cudnn/kernel_engine.hpp"
#include "measure/backends/cudnn/kernel_image.hpp"
#include "measure/backends/cudnn/matmul.hpp"
#include "measure/backends/cudnn/storage.hpp"
#include "measure/lowering.hpp"
#include "spaces/search_space.hpp"

namespace naslat::cudnn {
namespace {

namespace fs = std::filesystem;

/// Distinct calls of one kind in some networks of every space, in all modes, at batch 1 and 64.
template <typename Call>
std::vector<Call> calls_of_every_space() {
  std::vector<Call> calls;
  for (const auto& space : search_spaces()) {
    Rng rng(17);
    for (int i = 0; i < 30; ++i) {
      const Network network = space->network(sample(*space, rng));
      for (const GraphMode mode : {GraphMode::eager, GraphMode::fused, GraphMode::pruned}) {
        const Network graph =
            lowered(network, {.backend = "cudnn", .hardware = "", .isa = "", .batch = i % 2 * 63 + 1, .mode = mode});
        for (const Step& step : make_plan(graph, {.every_op_alone = mode == GraphMode::eager}).steps) {
          const auto* const call = std::get_if<Call>(&step.operation);
          if (call != nullptr && std::find(calls.begin(), calls.end(), *call) == calls.end()) calls.push_back(*call);
        }
      }
    }
  }
  return calls;
}

std::string text(const ConvolutionCall& c) {
  return std::to_string(c.batch) + "x" + std::to_string(c.in_channels) + "x" + std::to_string(c.in_height) + " to " +
         std::to_string(c.out_channels) + " k" + std::to_string(c.kernel) + " s" + std::to_string(c.stride) + " g" +
         std::to_string(c.groups);
}

class CudnnDescriptors : public testing::Test {
 protected:
  void SetUp() override {
    try {
      cudnn_ = open_cudnn({.chosen = {fs::path(NASLAT_CUDA_LIBRARIES)}, .loader = true, .usual = {}});
    } catch (const DataError& missing) {
      GTEST_SKIP() << missing.what();
    }
  }
  CudnnFunctions cudnn_;
};

TEST_F(CudnnDescriptors, AcceptEveryConvolutionOfEverySpace) {
  const std::vector<ConvolutionCall> calls = calls_of_every_space<ConvolutionCall>();
  ASSERT_GT(calls.size(), 100U);
  for (const ConvolutionCall& call : calls) {
    for (const DataType dtype : {DataType::f32, DataType::tf32, DataType::f16, DataType::bf16}) {
      for (const bool channels_last : {false, true}) {
        SCOPED_TRACE(text(call));
        const LegacyDescriptors d(cudnn_, call, {dtype, channels_last});
        int n = 0, c = 0, h = 0, w = 0;
        ASSERT_EQ(cudnn_.cudnnGetConvolution2dForwardOutputDim(d.convolution, d.src, d.weights, &n, &c, &h, &w),
                  CUDNN_STATUS_SUCCESS);
        EXPECT_EQ((std::vector<std::int64_t>{n, c, h, w}),
                  (std::vector<std::int64_t>{call.batch, call.out_channels, call.out_height, call.out_width}));
      }
    }
  }
}

/// Without a handle, a graph's operations and tensors are checked all the same.
TEST_F(CudnnDescriptors, BuildAGraphOfEveryConvolutionOfEverySpace) {
  for (const ConvolutionCall& call : calls_of_every_space<ConvolutionCall>()) {
    for (const DataType dtype : {DataType::f32, DataType::f16, DataType::bf16}) {
      for (const bool channels_last : {false, true}) {
        SCOPED_TRACE(text(call));
        EXPECT_NO_THROW(ConvolutionGraph(cudnn_, nullptr, call, {dtype, channels_last}));
      }
    }
  }
}

TEST_F(CudnnDescriptors, PackAddresses) {
  std::array<float, 8> memory{};
  const Pointers at{{&memory[0], &memory[1], &memory[2], &memory[3], &memory[4]}};
  EXPECT_NO_THROW(variant_pack(cudnn_, {}, at, &memory[5]));
  EXPECT_NO_THROW(variant_pack(cudnn_, {.bias = true, .add = true, .relu = true}, at, &memory[5]));
}

TEST_F(CudnnDescriptors, RefuseWhatIsNoConvolution) {
  const ConvolutionCall call{.in_channels = -1};
  EXPECT_THROW(LegacyDescriptors(cudnn_, call, {}), Unsupported);
  EXPECT_THROW(ConvolutionGraph(cudnn_, nullptr, call, {}), Unsupported);
}

/// An H100 as cuDNN writes the properties of a GPU down: CUDA's device attributes.
constexpr std::string_view kH100 = R"({
  "deviceName": "NVIDIA H100 80GB HBM3", "cudaDeviceId": 0, "pciDeviceId": 4, "deviceVer": 900, "driverVer": 13000,
  "multiProcessorCount": 132, "warpSize": 32, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000,
  "totalGlobalMem": 85000000000, "l2CacheSize": 52428800, "isTccDriver": 0, "supportCoopLaunch": 1,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "maxCtasPerSM": 32,
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "regsPerBlock": 65536, "maxRegistersPerSM": 65536,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024})";

/// cuDNN 9.8 and newer choose engines and make them ready for a GPU that is only described.
class CudnnOnAnH100 : public CudnnDescriptors {
 protected:
  void SetUp() override {
    CudnnDescriptors::SetUp();
    if (IsSkipped()) return;
    const SearchPath path{.chosen = {fs::path(NASLAT_CUDA_LIBRARIES)}, .loader = true, .usual = {}};
    try {
      static_cast<void>(open_cublas_lt(path));  // some engines need it
      h100_.emplace(cudnn_, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
      h100_->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, kH100.size(), kH100.data()).finalise();
    } catch (const std::exception& reason) {
      GTEST_SKIP() << "this cuDNN takes no such description: " << reason.what();
    }
  }
  [[nodiscard]] std::vector<PlannedConvolution> plans(const ConvolutionCall& call, const Arithmetic& arithmetic,
                                                      std::size_t most) const {
    return plan_convolutions(cudnn_, {.properties = &*h100_}, call, arithmetic, most);
  }
  std::optional<Descriptor> h100_;
};

TEST_F(CudnnOnAnH100, FindsAnEngineForEveryConvolution) {
  for (const ConvolutionCall& call : calls_of_every_space<ConvolutionCall>()) {
    for (const auto& [dtype, channels_last] :
         {std::pair(DataType::f32, false), std::pair(DataType::f32, true), std::pair(DataType::tf32, false),
          std::pair(DataType::tf32, true), std::pair(DataType::f16, true), std::pair(DataType::bf16, true)}) {
      SCOPED_TRACE(text(call));
      EXPECT_NO_THROW(static_cast<void>(plans(call, {dtype, channels_last}, 1)));
    }
  }
}

TEST_F(CudnnOnAnH100, RanksCandidatesAndLeavesTheFirstWhereItWas) {
  const ConvolutionCall call{.in_channels = 64,
                             .in_height = 56,
                             .in_width = 56,
                             .out_channels = 64,
                             .out_height = 56,
                             .out_width = 56,
                             .kernel = 3,
                             .padding = 1};
  for (const DataType dtype : {DataType::f32, DataType::tf32, DataType::f16}) {
    const auto one = plans(call, {dtype, true}, 1), several = plans(call, {dtype, true}, 5);
    ASSERT_EQ(one.size(), 1U);
    EXPECT_GT(several.size(), 1U);
    EXPECT_LE(several.size(), 5U);
    EXPECT_EQ(one[0].engine, several[0].engine);
    for (const PlannedConvolution& plan : several) EXPECT_LE(plan.workspace_bytes(), kConvolutionWorkspaceLimit);
  }
}

TEST(CublasLtDescriptors, AcceptEveryProductOfEverySpace) {
  CublasLtFunctions lt;
  try {
    lt = open_cublas_lt({.chosen = {fs::path(NASLAT_CUDA_LIBRARIES)}, .loader = true, .usual = {}});
  } catch (const DataError& missing) {
    GTEST_SKIP() << missing.what();
  }
  const std::vector<MatmulCall> calls = calls_of_every_space<MatmulCall>();
  ASSERT_GT(calls.size(), 100U);
  for (const MatmulCall& call : calls) {
    for (const DataType dtype : {DataType::f32, DataType::tf32, DataType::f16, DataType::bf16}) {
      EXPECT_NO_THROW(MatmulDescriptors(lt, call, dtype, &call));
    }
  }
}

TEST(CudnnStorage, RoundsToNearestAndComesBack) {
  const std::vector<float> values{0, -1.5F, 0.333333F, 65504, 1e-3F};
  EXPECT_EQ(loaded(stored(values, DataType::f32), DataType::f32), values);
  EXPECT_EQ(loaded(stored(values, DataType::tf32), DataType::tf32), values);
  const std::vector<float> halves = loaded(stored(values, DataType::f16), DataType::f16);
  EXPECT_EQ(halves[2], 0x1.554p-2F);  // 11 significant bits
  EXPECT_EQ(halves[3], 65504);
  const std::vector<float> brain = loaded(stored(values, DataType::bf16), DataType::bf16);
  EXPECT_EQ(brain[2], 0x1.56p-2F);  // 8 significant bits
  EXPECT_EQ(stored(values, DataType::bf16).size(), 10U);
}

TEST(CudnnKernels, AreInsideTheProgram) {
  constexpr std::uint32_t kFatBinary = 0xba55ed50;  // the first word of nvcc's fat binaries
  EXPECT_EQ(*static_cast<const std::uint32_t*>(kernel_image()), kFatBinary);
}

TEST(CudnnKernels, AreLaunchedOnEnoughThreads) {
  EXPECT_EQ(grid_of_elements(1).blocks, 1U);
  EXPECT_EQ(grid_of_elements(257).blocks, 2U);
  EXPECT_EQ(grid_of_rows(9).blocks, 2U);  // eight warps a block
}

}  // namespace
}  // namespace naslat::cudnn
