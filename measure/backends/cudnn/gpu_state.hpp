#pragma once

#include <optional>
#include <string>

#include "measure/backends/cudnn/nvml_types.hpp"
#include "measure/device_state.hpp"

namespace naslat::cudnn {

/// A GPU's clocks, temperature and power by NVML. What cannot be read stays empty: without NVML, everything.
class GpuStateReader {
 public:
  GpuStateReader() = default;
  /// @param pci_bus_id  of the GPU: CUDA_VISIBLE_DEVICES renumbers CUDA's list, and not NVML's
  GpuStateReader(const std::optional<NvmlFunctions>& nvml, const std::string& pci_bus_id);
  [[nodiscard]] DeviceState read() const;

 private:
  NvmlFunctions nvml_;
  NvmlDevice device_ = nullptr;
};

}  // namespace naslat::cudnn
