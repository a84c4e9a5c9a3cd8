#include "measure/backends/cudnn/cudnn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/executable.hpp"
#include "measure/lowering.hpp"

namespace naslat {

namespace cudnn {
namespace {

void check_output(const Network& network, const std::vector<float>& output) {
  if (std::all_of(output.begin(), output.end(), [](float value) { return std::isfinite(value); })) return;
  throw DataError(fmt::format("cudnn: network '{}': its output is not finite", network.name));
}

/// @throws Unsupported where the GPU has no such arithmetic; DataError for what only processors have
void check_device(const Gpu& gpu, const Device& device) {
  constexpr int kAmpere = 80;
  const bool needs_ampere = device.dtype == DataType::tf32 || device.dtype == DataType::bf16;
  if (needs_ampere && gpu.compute_capability() < kAmpere) {
    throw Unsupported(fmt::format("cudnn: {}: got compute capability {}.{}, wanted 8.0 or newer",
                                  to_string(device.dtype), gpu.compute_capability() / 10,
                                  gpu.compute_capability() % 10));
  }
  if (!device.isa.empty()) throw DataError(fmt::format("cudnn: isa: got '{}', wanted none on a GPU", device.isa));
}

/// Frameworks run f32 networks op by op in rows of pixels; tensor cores and fused engines want channels last.
Arithmetic arithmetic_of(const Device& device) {
  const bool f32 = device.dtype == DataType::f32 || device.dtype == DataType::tf32;
  return {device.dtype, !(f32 && device.mode == GraphMode::eager)};
}

class CudnnBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "cudnn"; }
  [[nodiscard]] bool on_gpu() const override { return true; }

  [[nodiscard]] std::vector<Device> devices() const override {
    std::vector<Device> devices;
    if (!open()) return devices;
    for (const GpuListing& gpu : gpus_) {
      devices.push_back({.backend = name(), .hardware = gpu.short_name, .isa = "", .pinned = false});
    }
    return devices;
  }

  /// Also tries the first GPU, to see whether the libraries work. Who measures on another leaves it alone.
  [[nodiscard]] std::string unavailable() const override {
    if (!open()) return missing_;
    try {
      workshop(0);
    } catch (const DataError& reason) {
      return reason.what();
    }
    return "";
  }

  [[nodiscard]] std::unique_ptr<Executable> compile(const Network& network, const Device& device) override {
    const Clock now = steady_clock();
    const double start_s = now();
    if (!open()) throw DataError(missing_);
    used_ = find(device.hardware);
    Workshop& workshop = this->workshop(used_);
    check_device(workshop.gpu(), device);
    workshop.gpu().make_current();
    const Arithmetic arithmetic = arithmetic_of(device);
    const Network graph = lowered(network, device);
    Plan plan = make_plan(
        graph, {.every_op_alone = device.mode == GraphMode::eager, .channels_last = arithmetic.channels_last});
    auto executable = std::make_unique<CudnnExecutable>(workshop, graph, std::move(plan), arithmetic, device);
    executable->set_build_s(now() - start_s);
    executable->run();
    check_output(network, executable->output());
    return executable;
  }

  /// Of the GPU that was compiled for last; of the first before.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts() const override {
    if (!open()) return {};
    int cuda = 0;
    check(libraries_->driver, libraries_->driver.cuDriverGetVersion(&cuda), "driver version");
    std::vector<std::pair<std::string, std::string>> facts = {
        {"gpu", gpus_[used_].name},
        {"gpu_driver_cuda", cuda_version_text(cuda)},
        {"cudnn", library_version_text(libraries_->cudnn.cudnnGetVersion())},
        {"cudnn_file", libraries_->cudnn.library.file()},
        {"cublaslt", library_version_text(libraries_->cublas_lt.cublasLtGetVersion())}};
    std::array<char, 80> driver{};
    if (libraries_->nvml && libraries_->nvml->driver_version(driver.data(), driver.size()) == 0) {
      facts.emplace_back("gpu_driver", driver.data());
    }
    return facts;
  }

 private:
  /// Whether there are libraries and a GPU; looks for them at the first call.
  bool open() const {
    if (gpus_.empty() && missing_.empty()) {
      try {
        libraries_ = new Libraries(open_libraries(default_search_path()));
        gpus_ = list_gpus(*libraries_);
      } catch (const DataError& reason) {
        missing_ = reason.what();
      }
    }
    return !gpus_.empty();
  }

  /// @throws DataError where this GPU does not start
  Workshop& workshop(std::size_t gpu) const {
    Workshop*& known = workshops_[gpu];
    if (known == nullptr) known = new Workshop(*libraries_, gpus_[gpu].number);
    return *known;
  }

  [[nodiscard]] std::size_t find(const std::string& hardware) const {
    for (std::size_t gpu = 0; gpu < gpus_.size(); ++gpu) {
      if (gpus_[gpu].short_name == hardware) return gpu;
    }
    throw DataError(fmt::format("cudnn: hardware: got '{}', which is not here", hardware));
  }

  // Never deleted: the driver is gone before objects of static life are.
  mutable const Libraries* libraries_ = nullptr;
  mutable std::map<std::size_t, Workshop*> workshops_;  // of the GPUs used so far
  mutable std::vector<GpuListing> gpus_;
  mutable std::string missing_;
  std::size_t used_ = 0;
};

}  // namespace
}  // namespace cudnn

std::unique_ptr<Backend> make_cudnn_backend() { return std::make_unique<cudnn::CudnnBackend>(); }

}  // namespace naslat
