#include "measure/backends/cudnn/cudnn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
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

  [[nodiscard]] std::vector<Device> devices() const override {
    if (!open()) return {};
    return {{.backend = name(), .hardware = short_name(workshop_->gpu().name()), .isa = ""}};
  }

  [[nodiscard]] std::string unavailable() const override {
    open();
    return missing_;
  }

  [[nodiscard]] std::unique_ptr<Executable> compile(const Network& network, const Device& device) override {
    const Clock now = steady_clock();
    const double start_s = now();
    if (!open()) throw DataError(missing_);
    check_device(workshop_->gpu(), device);
    workshop_->gpu().make_current();
    const Arithmetic arithmetic = arithmetic_of(device);
    const Network graph = lowered(network, device);
    Plan plan = make_plan(
        graph, {.every_op_alone = device.mode == GraphMode::eager, .channels_last = arithmetic.channels_last});
    auto executable = std::make_unique<CudnnExecutable>(*workshop_, graph, std::move(plan), arithmetic);
    executable->set_build_s(now() - start_s);
    executable->run();
    check_output(network, executable->output());
    return executable;
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts() const override {
    if (!open()) return {};
    const Gpu& gpu = workshop_->gpu();
    const Libraries& libraries = gpu.libraries();
    int cuda = 0;
    gpu.check(gpu.driver().cuDriverGetVersion(&cuda), "driver version");
    std::vector<std::pair<std::string, std::string>> facts = {
        {"gpu", gpu.name()},
        {"gpu_driver_cuda", cuda_version_text(cuda)},
        {"cudnn", library_version_text(libraries.cudnn.cudnnGetVersion())},
        {"cudnn_file", libraries.cudnn.library.file()},
        {"cublaslt", library_version_text(libraries.cublas_lt.cublasLtGetVersion())}};
    std::array<char, 80> driver{};
    if (libraries.nvml && libraries.nvml->driver_version(driver.data(), driver.size()) == 0) {
      facts.emplace_back("gpu_driver", driver.data());
    }
    return facts;
  }

 private:
  /// Whether there is a GPU; looks for one at the first call.
  bool open() const {
    if (!workshop_ && missing_.empty()) {
      try {
        workshop_ = new Workshop(default_search_path());
      } catch (const DataError& reason) {
        missing_ = reason.what();
      }
    }
    return workshop_ != nullptr;
  }

  mutable Workshop* workshop_ = nullptr;  // never deleted: the driver is gone before objects of static life are
  mutable std::string missing_;
};

}  // namespace
}  // namespace cudnn

std::unique_ptr<Backend> make_cudnn_backend() { return std::make_unique<cudnn::CudnnBackend>(); }

}  // namespace naslat
