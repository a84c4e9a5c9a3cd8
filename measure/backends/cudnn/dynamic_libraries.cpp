#include "measure/backends/cudnn/dynamic_libraries.hpp"

#include <fmt/format.h>

#include "configs/errors.hpp"

namespace naslat::cudnn {

namespace {

constexpr int kOldestDriver = 12000;         // CUDA 12.0, which cuDNN 9's CUDA 12 build asks for
constexpr std::size_t kOldestCudnn = 90000;  // the first with all functions of our table

template <typename Function>
void find(const SharedLibrary& library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(library.find(name));
}
template <typename Function>
void require(const SharedLibrary& library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(library.require(name));
}

/// @throws DataError "SUBJECT: what the library said, wanted WANTED"
SharedLibrary open(const std::vector<std::string>& names, const SearchPath& path, const char* wanted) try {
  return SharedLibrary(names, path);
} catch (const DataError& reason) {
  throw DataError(fmt::format("cudnn: {}, wanted {}", reason.what(), wanted));
}

}  // namespace

void check(const DriverFunctions& driver, CUresult result, const char* what) {
  if (result == CUDA_SUCCESS) return;
  const char* text = nullptr;
  driver.cuGetErrorString(result, &text);
  throw DataError(fmt::format("cudnn: {}: {}", what, text != nullptr ? text : "unknown error of the driver"));
}

std::string cuda_version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

std::string library_version_text(std::size_t version) {
  return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

#define NASLAT_REQUIRE(function) require(functions.library, #function, functions.function);

DriverFunctions open_driver(const SearchPath& path) {
  DriverFunctions functions;
  const std::string wanted = fmt::format("an NVIDIA driver for CUDA {}", cuda_version_text(kOldestDriver));
  functions.library = open({"libcuda.so.1"}, path, (wanted + " or newer").c_str());
  require(functions.library, "cuDriverGetVersion", functions.cuDriverGetVersion);
  int version = 0;
  if (functions.cuDriverGetVersion(&version) == CUDA_SUCCESS && version < kOldestDriver) {
    throw DataError(fmt::format("cudnn: the driver is too old: got CUDA {}, wanted {} or newer",
                                cuda_version_text(version), cuda_version_text(kOldestDriver)));
  }
  NASLAT_DRIVER_FUNCTIONS(NASLAT_REQUIRE)
  return functions;
}

CudnnFunctions open_cudnn(const SearchPath& path) {
  CudnnFunctions functions;
  functions.library = open({"libcudnn.so.9"}, path, "cuDNN 9 (its folder in NASLAT_CUDA_PATH, if it is there)");
  require(functions.library, "cudnnGetVersion", functions.cudnnGetVersion);
  if (const std::size_t version = functions.cudnnGetVersion(); version < kOldestCudnn) {
    const std::string got = fmt::format("{}.{}.{}", version / 1000, version % 1000 / 100, version % 100);  // before 9
    throw DataError(fmt::format("cudnn: {} is too old: got {}, wanted {} or newer", functions.library.file(), got,
                                library_version_text(kOldestCudnn)));
  }
  NASLAT_CUDNN_FUNCTIONS(NASLAT_REQUIRE)
  return functions;
}

CublasLtFunctions open_cublas_lt(const SearchPath& path) {
  CublasLtFunctions functions;
  functions.library = open({"libcublasLt.so.13", "libcublasLt.so.12"}, path, "cuBLASLt of CUDA 12 or 13");
  NASLAT_CUBLASLT_FUNCTIONS(NASLAT_REQUIRE)
  return functions;
}

#undef NASLAT_REQUIRE

std::optional<NvmlFunctions> open_nvml(const SearchPath& path) try {
  NvmlFunctions functions;
  functions.library = SharedLibrary({"libnvidia-ml.so.1"}, path);
  const SharedLibrary& library = functions.library;
  require(library, "nvmlInit_v2", functions.init);
  require(library, "nvmlDeviceGetHandleByPciBusId_v2", functions.device_by_pci_bus_id);
  require(library, "nvmlSystemGetDriverVersion", functions.driver_version);
  find(library, "nvmlDeviceGetClockInfo", functions.clock_mhz);
  find(library, "nvmlDeviceGetTemperature", functions.temperature_c);
  find(library, "nvmlDeviceGetPowerUsage", functions.power_mw);
  find(library, "nvmlDeviceGetCurrentClocksEventReasons", functions.clock_event_reasons);
  if (functions.clock_event_reasons == nullptr) {  // its name before driver 535
    find(library, "nvmlDeviceGetCurrentClocksThrottleReasons", functions.clock_event_reasons);
  }
  return functions.init() == 0 ? std::optional(functions) : std::nullopt;
} catch (const DataError&) {
  return std::nullopt;
}

Libraries open_libraries(const SearchPath& path) {
  Libraries libraries;
  libraries.driver = open_driver(path);
  check(libraries.driver, libraries.driver.cuInit(0), "the driver does not start");
  int count = 0;
  check(libraries.driver, libraries.driver.cuDeviceGetCount(&count), "the driver counts no GPUs");
  if (count == 0) throw DataError("cudnn: the driver finds no GPU, wanted one");
  libraries.cudnn = open_cudnn(path);
  // cuDNN opens cuBLASLt and the run-time compiler by name when it needs them: where they are open, it finds them.
  libraries.cublas_lt = open_cublas_lt(path);
  try {
    static_cast<void>(SharedLibrary({"libnvrtc.so.13", "libnvrtc.so.12"}, path));
  } catch (const DataError&) {  // engines compiled at run time are then not offered
  }
  libraries.nvml = open_nvml(path);
  return libraries;
}

}  // namespace naslat::cudnn
