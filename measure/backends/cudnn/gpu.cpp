#include "measure/backends/cudnn/gpu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/kernel_image.hpp"

namespace naslat::cudnn {

namespace {

constexpr int kOldestCapability = 75;  // Turing: what our kernels are compiled for at least

std::string name_of(const DriverFunctions& driver, CUdevice device) {
  std::array<char, 256> name{};
  check(driver, driver.cuDeviceGetName(name.data(), static_cast<int>(name.size()), device), "device name");
  return name.data();
}

/// 8.6 is 86.
int capability_of(const DriverFunctions& driver, CUdevice device) {
  int major = 0, minor = 0;
  check(driver, driver.cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device),
        "capability");
  check(driver, driver.cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device),
        "capability");
  return 10 * major + minor;
}

}  // namespace

std::vector<GpuListing> list_gpus(const Libraries& libraries) {
  const DriverFunctions& driver = libraries.driver;
  int count = 0;
  check(driver, driver.cuDeviceGetCount(&count), "number of GPUs");
  std::vector<GpuListing> list;
  std::string too_old;
  for (int number = 0; number < count; ++number) {
    CUdevice device = 0;
    check(driver, driver.cuDeviceGet(&device, number), "device");
    GpuListing gpu{number, name_of(driver, device), short_name(name_of(driver, device))};
    if (const int capability = capability_of(driver, device); capability < kOldestCapability) {
      too_old = fmt::format("cudnn: '{}' is too old: got compute capability {}.{}, wanted {}.{} or newer", gpu.name,
                            capability / 10, capability % 10, kOldestCapability / 10, kOldestCapability % 10);
      continue;
    }
    const bool taken = std::any_of(list.begin(), list.end(),
                                   [&](const GpuListing& earlier) { return earlier.short_name == gpu.short_name; });
    if (taken) gpu.short_name += fmt::format("-gpu{}", list.size());
    list.push_back(std::move(gpu));
  }
  if (list.empty()) throw DataError(too_old);
  return list;
}

Gpu::Gpu(const Libraries& libraries, int number) : libraries_(libraries) {
  open_context(number);
  load_kernels();
  check(libraries_.cudnn.cudnnCreate(&cudnn_), "cuDNN does not start");
  check(libraries_.cudnn.cudnnSetStream(cudnn_, stream_), "cuDNN's stream");
  check(libraries_.cublas_lt.cublasLtCreate(&cublas_lt_), "cuBLASLt does not start");
}

void Gpu::open_context(int number) {
  check(driver().cuDeviceGet(&device_, number), "device");
  compute_capability_ = capability_of(driver(), device_);
  check(driver().cuDeviceTotalMem_v2(&memory_bytes_, device_), "memory");
  std::array<char, 32> pci_bus_id{};
  check(driver().cuDeviceGetPCIBusId(pci_bus_id.data(), static_cast<int>(pci_bus_id.size()), device_), "PCI bus id");
  state_ = GpuStateReader(libraries_.nvml, pci_bus_id.data());
  // Waiting by a loop: to be woken would cost 10 to 50 us. Refused where the context exists already; then it stays.
  static_cast<void>(driver().cuDevicePrimaryCtxSetFlags_v2(device_, CU_CTX_SCHED_SPIN));
  check(driver().cuDevicePrimaryCtxRetain(&context_, device_), "context");
  make_current();
  // A stream that waits for uploads, which go through the driver's own: a non-blocking one would not.
  check(driver().cuStreamCreate(&stream_, CU_STREAM_DEFAULT), "stream");
}

void Gpu::load_kernels() {
  if (driver().cuModuleLoadData(&module_, kernel_image()) == CUDA_SUCCESS) return;
  int version = 0;
  static_cast<void>(driver().cuDriverGetVersion(&version));
  throw DataError(fmt::format("cudnn: the driver does not load our kernels: got CUDA {}, wanted {}",
                              cuda_version_text(version), cuda_version_text(CUDA_VERSION)));
}

CUfunction Gpu::kernel(const std::string& name) {
  CUfunction& function = kernels_[name];
  if (function == nullptr) check(driver().cuModuleGetFunction(&function, module_, name.c_str()), name.c_str());
  return function;
}

void Gpu::check(CUresult result, const char* what) const { cudnn::check(driver(), result, what); }

void Gpu::check(cudnnStatus_t status, const char* what) const {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw DataError(fmt::format("cudnn: {}: {}", what, libraries_.cudnn.cudnnGetErrorString(status)));
}

void Gpu::check(cublasStatus_t status, const char* what) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DataError(fmt::format("cudnn: {}: cuBLASLt status {}", what, static_cast<int>(status)));
}

std::string short_name(const std::string& gpu_name) {
  constexpr std::string_view kVendor = "NVIDIA ";
  std::string name;
  for (const char c : gpu_name.substr(gpu_name.starts_with(kVendor) ? kVendor.size() : 0)) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (word) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!word && !name.empty() && name.back() != '-') name += '-';
  }
  if (name.ends_with('-')) name.pop_back();
  return name;
}

DeviceMemory::DeviceMemory(const Gpu& gpu, std::size_t bytes) : gpu_(&gpu), bytes_(bytes) {
  if (bytes == 0) return;
  const std::string what = fmt::format("memory: {} bytes", bytes);
  gpu.check(gpu.driver().cuMemAlloc_v2(&address_, bytes), what.c_str());
  gpu.check(gpu.driver().cuMemsetD8_v2(address_, 0, bytes), what.c_str());
}

DeviceMemory::~DeviceMemory() {
  if (address_ != 0) static_cast<void>(gpu_->driver().cuMemFree_v2(address_));
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : gpu_(other.gpu_), address_(std::exchange(other.address_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void DeviceMemory::upload(std::span<const std::byte> data) {
  gpu_->check(gpu_->driver().cuMemcpyHtoD_v2(address_, data.data(), data.size()), "upload");
}

}  // namespace naslat::cudnn
