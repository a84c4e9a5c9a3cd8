#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "measure/backends/cudnn/dynamic_libraries.hpp"
#include "measure/backends/cudnn/gpu_state.hpp"

namespace naslat::cudnn {

/// A GPU that can be opened.
struct GpuListing {
  int number = 0;          ///< the driver's, of those that CUDA_VISIBLE_DEVICES shows
  std::string name;        ///< as the vendor writes it, e.g. "NVIDIA GeForce GTX 1080 Ti"
  std::string short_name;  ///< "geforce-gtx-1080-ti"; with "-gpu1" behind it where an earlier one is of that name
};
/// @throws DataError where there is none that is new enough
[[nodiscard]] std::vector<GpuListing> list_gpus(const Libraries& libraries);

/// A GPU: its context, one stream, the libraries' handles and our kernels. Lives as long as the process: the libraries
/// do not survive their own end.
class Gpu {
 public:
  /// @param number  the driver's @throws DataError in one line: what does not start
  Gpu(const Libraries& libraries, int number);
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  [[nodiscard]] const Libraries& libraries() const { return libraries_; }
  [[nodiscard]] const DriverFunctions& driver() const { return libraries_.driver; }
  [[nodiscard]] CUstream stream() const { return stream_; }
  [[nodiscard]] cudnnHandle_t cudnn() const { return cudnn_; }
  [[nodiscard]] cublasLtHandle_t cublas_lt() const { return cublas_lt_; }

  /// 8.6 is 86.
  [[nodiscard]] int compute_capability() const { return compute_capability_; }

  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

  /// The context of the calling thread becomes this GPU's.
  void make_current() const { check(driver().cuCtxSetCurrent(context_), "context"); }
  /// One of our kernels, e.g. "elementwise_f16".
  [[nodiscard]] CUfunction kernel(const std::string& name);
  /// Clocks, temperature and power, as far as they can be read.
  [[nodiscard]] DeviceState state() const { return state_.read(); }
  void synchronise() const { check(driver().cuStreamSynchronize(stream_), "run"); }

  /// @throws DataError with the library's own words
  void check(CUresult result, const char* what) const;
  void check(cudnnStatus_t status, const char* what) const;
  void check(cublasStatus_t status, const char* what) const;

 private:
  void open_context(int number);
  void load_kernels();

  const Libraries& libraries_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
  CUmodule module_ = nullptr;
  cudnnHandle_t cudnn_ = nullptr;
  cublasLtHandle_t cublas_lt_ = nullptr;
  int compute_capability_ = 0;
  std::size_t memory_bytes_ = 0;
  GpuStateReader state_;
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
