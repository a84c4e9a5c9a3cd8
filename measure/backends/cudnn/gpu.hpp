#pragma once

#include <map>
#include <span>
#include <string>

#include "measure/backends/cudnn/dynamic_libraries.hpp"

namespace naslat::cudnn {

/// The first GPU that the driver shows (CUDA_VISIBLE_DEVICES chooses): its context, one stream, the libraries' handles
/// and our kernels. Lives as long as the process: the libraries do not survive their own end.
class Gpu {
 public:
  /// @throws DataError in one line: what is missing or too old, got and wanted
  explicit Gpu(const SearchPath& path);
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  [[nodiscard]] const Libraries& libraries() const { return libraries_; }
  [[nodiscard]] const DriverFunctions& driver() const { return libraries_.driver; }
  [[nodiscard]] CUstream stream() const { return stream_; }
  [[nodiscard]] cudnnHandle_t cudnn() const { return cudnn_; }
  [[nodiscard]] cublasLtHandle_t cublas_lt() const { return cublas_lt_; }

  /// As the vendor writes it, e.g. "NVIDIA GeForce GTX 1080 Ti".
  [[nodiscard]] const std::string& name() const { return name_; }
  /// 8.6 is 86.
  [[nodiscard]] int compute_capability() const { return compute_capability_; }

  /// The context of the calling thread becomes this GPU's.
  void make_current() const { check(driver().cuCtxSetCurrent(context_), "context"); }
  /// One of our kernels, e.g. "elementwise_f16".
  [[nodiscard]] CUfunction kernel(const std::string& name);
  void synchronise() const { check(driver().cuStreamSynchronize(stream_), "run"); }

  /// @throws DataError with the library's own words
  void check(CUresult result, const char* what) const;
  void check(cudnnStatus_t status, const char* what) const;
  void check(cublasStatus_t status, const char* what) const;

 private:
  void open_context();
  void load_kernels();

  Libraries libraries_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
  CUmodule module_ = nullptr;
  cudnnHandle_t cudnn_ = nullptr;
  cublasLtHandle_t cublas_lt_ = nullptr;
  std::string name_;
  int compute_capability_ = 0;
  std::map<std::string, CUfunction> kernels_;
};

/// "NVIDIA GeForce GTX 1080 Ti" → "geforce-gtx-1080-ti": for device names.
[[nodiscard]] std::string short_name(const std::string& gpu_name);

/// Memory of a GPU, freed with its owner.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  /// Zeroed. @throws DataError if there is no such memory
  DeviceMemory(const Gpu& gpu, std::size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;

  [[nodiscard]] std::byte* data() const { return reinterpret_cast<std::byte*>(address_); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void upload(std::span<const std::byte> data);

 private:
  const Gpu* gpu_ = nullptr;
  CUdeviceptr address_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace naslat::cudnn
