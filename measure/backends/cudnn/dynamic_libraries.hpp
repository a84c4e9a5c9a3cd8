#pragma once

#include <cublasLt.h>
#include <cuda.h>
#include <cudnn.h>

#include <cstddef>
#include <optional>
#include <string>

#include "measure/backends/cudnn/function_lists.hpp"
#include "measure/backends/cudnn/nvml_types.hpp"
#include "measure/backends/cudnn/shared_library.hpp"

// The libraries are opened while the program runs, so that it starts where there are none. The vendor's headers serve
// for types only.

namespace naslat::cudnn {

#define NASLAT_POINTER(function) decltype(&::function) function = nullptr;
struct DriverFunctions {
  NASLAT_DRIVER_FUNCTIONS(NASLAT_POINTER)
  SharedLibrary library;
};
struct CudnnFunctions {
  NASLAT_CUDNN_FUNCTIONS(NASLAT_POINTER)
  SharedLibrary library;
};
struct CublasLtFunctions {
  NASLAT_CUBLASLT_FUNCTIONS(NASLAT_POINTER)
  SharedLibrary library;
};
#undef NASLAT_POINTER

/// Each opens one library and finds all functions of its table.
/// @throws DataError in one line: what is missing or too old, got and wanted
[[nodiscard]] DriverFunctions open_driver(const SearchPath& path);
[[nodiscard]] CudnnFunctions open_cudnn(const SearchPath& path);
[[nodiscard]] CublasLtFunctions open_cublas_lt(const SearchPath& path);
/// Nothing where there is no such library: its readings are optional.
[[nodiscard]] std::optional<NvmlFunctions> open_nvml(const SearchPath& path);

struct Libraries {
  DriverFunctions driver;
  CudnnFunctions cudnn;
  CublasLtFunctions cublas_lt;
  std::optional<NvmlFunctions> nvml;
};
/// All of them, initialised, with at least one GPU. @throws DataError in one line
[[nodiscard]] Libraries open_libraries(const SearchPath& path);

/// @throws DataError "cudnn: WHAT: the driver's own words"
void check(const DriverFunctions& driver, CUresult result, const char* what);

/// 13000 → "13.0" (CUDA), 91900 → "9.19.0" (cuDNN), 130200 → "13.2.0" (cuBLASLt)
[[nodiscard]] std::string cuda_version_text(int version);
[[nodiscard]] std::string library_version_text(std::size_t version);

}  // namespace naslat::cudnn
