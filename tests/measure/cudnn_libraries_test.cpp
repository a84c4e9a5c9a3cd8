#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/dynamic_libraries.hpp"
#include "measure/backends/cudnn/gpu_state.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat::cudnn {
namespace {

namespace fs = std::filesystem;

/// Only the folders named, of the shared objects that this test program was built with.
SearchPath fakes(std::initializer_list<const char*> folders) {
  SearchPath path{.chosen = {}, .loader = false, .usual = {}};
  for (const char* const folder : folders) path.chosen.push_back(fs::path(NASLAT_CUDNN_FAKES) / folder);
  return path;
}

std::string complaint(const SearchPath& path) try {
  static_cast<void>(open_libraries(path));
  return "";
} catch (const DataError& error) {
  return error.what();
}

TEST(CudnnLibraries, SayInOneLineWhatIsMissing) {
  EXPECT_EQ(complaint(fakes({})), "cudnn: libcuda.so.1 not found, wanted an NVIDIA driver for CUDA 12.0 or newer");
  EXPECT_EQ(complaint(fakes({"no_gpu"})), "cudnn: the driver does not start: no CUDA-capable device is detected");
  EXPECT_EQ(complaint(fakes({"driver"})),
            "cudnn: libcudnn.so.9 not found, wanted cuDNN 9 (its folder in NASLAT_CUDA_PATH, if it is there)");
  EXPECT_EQ(complaint(fakes({"driver", "cudnn"})),
            "cudnn: libcublasLt.so.13 not found, wanted cuBLASLt of CUDA 12 or 13");
}

TEST(CudnnLibraries, SayInOneLineWhatIsTooOld) {
  EXPECT_EQ(complaint(fakes({"old_driver"})), "cudnn: the driver is too old: got CUDA 11.4, wanted 12.0 or newer");
  const std::string folder = fs::path(NASLAT_CUDNN_FAKES) / "old_cudnn";
  EXPECT_EQ(complaint(fakes({"driver", "old_cudnn"})),
            "cudnn: " + folder + "/libcudnn.so.9 is too old: got 8.9.7, wanted 9.0.0 or newer");
}

TEST(CudnnLibraries, NameTheFunctionThatIsMissing) {
  EXPECT_NE(complaint(fakes({"broken_driver"})).find("has no function cuDeviceGet:"), std::string::npos);
  EXPECT_NE(complaint(fakes({"driver", "broken_cudnn"})).find("has no function cudnnGetErrorString"),
            std::string::npos);
}

TEST(CudnnLibraries, SayWhyAFileDoesNotOpen) {
  const TemporaryFolder folder;
  folder.write("libcuda.so.1", "not a shared object");
  const std::string line = complaint({.chosen = {folder.path()}, .loader = false, .usual = {}});
  EXPECT_NE(line.find("libcuda.so.1 does not open: "), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(CudnnLibraries, AreLookedForWhereTheUserSaysFirstThenInPythonWheels) {
  const TemporaryFolder folder;
  const fs::path wheel = folder / "lib/python3.13/site-packages/nvidia/cudnn/lib";
  fs::create_directories(wheel);
  setenv("NASLAT_CUDA_PATH", "/opt/a:/opt/b", 1);
  setenv("VIRTUAL_ENV", (folder.path()).c_str(), 1);
  const SearchPath path = default_search_path();
  unsetenv("NASLAT_CUDA_PATH");
  unsetenv("VIRTUAL_ENV");
  EXPECT_EQ(path.chosen,
            (std::vector<fs::path>{"/opt/a/", "/opt/a/lib64", "/opt/a/lib", "/opt/b/", "/opt/b/lib64", "/opt/b/lib"}));
  EXPECT_NE(std::find(path.usual.begin(), path.usual.end(), wheel), path.usual.end());
}

TEST(GpuState, IsReadFromTheCardOfThatPciBus) {
  const auto nvml = open_nvml(fakes({"processor"}));
  ASSERT_TRUE(nvml);
  const DeviceState state = GpuStateReader(nvml, "0000:0A:00.0").read();
  EXPECT_EQ(state, (DeviceState{.sm_clock_mhz = 1980,
                                .memory_clock_mhz = 2619,
                                .temperature_c = 61,
                                .power_w = 312.5,
                                .clock_events = clock_event_names(0x44)}));
  EXPECT_EQ(GpuStateReader(nvml, "0000:0B:00.0").read().temperature_c, 35);
  EXPECT_TRUE(GpuStateReader(nvml, "0000:0C:00.0").read().empty());
}

TEST(GpuState, LacksWhatCannotBeRead) {
  const DeviceState state = GpuStateReader(open_nvml(fakes({"old_nvml"})), "0000:0A:00.0").read();
  EXPECT_EQ(state, (DeviceState{.sm_clock_mhz = 1980, .temperature_c = 61, .clock_events = clock_event_names(0x44)}));
  EXPECT_FALSE(open_nvml(fakes({"driver"})));
  EXPECT_TRUE(GpuStateReader(std::nullopt, "0000:0A:00.0").read().empty());
}

TEST(CudnnLibraries, HaveEveryFunctionOfOurTables) {
  const SearchPath real{.chosen = {fs::path(NASLAT_CUDA_LIBRARIES)}, .loader = true, .usual = {}};
  try {
    const CudnnFunctions cudnn = open_cudnn(real);
    EXPECT_GE(cudnn.cudnnGetVersion(), 90000U);
    const CublasLtFunctions cublas_lt = open_cublas_lt(real);
    EXPECT_GE(cublas_lt.cublasLtGetVersion(), 120000U);
  } catch (const DataError& missing) {
    GTEST_SKIP() << missing.what();
  }
  const fs::path stub = fs::path(NASLAT_CUDA_LIBRARIES) / "stubs";  // the toolkit's, to link against
  if (!fs::exists(stub / "libcuda.so")) GTEST_SKIP() << "no " << stub / "libcuda.so";
  const SharedLibrary driver({"libcuda.so"}, {.chosen = {stub}, .loader = false, .usual = {}});
#define NASLAT_EXPECT(function) EXPECT_NE(driver.find(#function), nullptr) << #function;
  NASLAT_DRIVER_FUNCTIONS(NASLAT_EXPECT)
#undef NASLAT_EXPECT
}

TEST(CudnnVersions, ReadAsTheirVendorWritesThem) {
  EXPECT_EQ(cuda_version_text(12080), "12.8");
  EXPECT_EQ(library_version_text(91900), "9.19.0");
  EXPECT_EQ(library_version_text(130002), "13.0.2");
}

}  // namespace
}  // namespace naslat::cudnn
