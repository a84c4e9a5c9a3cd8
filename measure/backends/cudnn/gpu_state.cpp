#include "measure/backends/cudnn/gpu_state.hpp"

namespace naslat::cudnn {

namespace {

/// What a function of NVML writes to its last argument; nothing where it is absent or refuses.
template <typename Value, typename Function, typename... Arguments>
std::optional<Value> reading(Function function, Arguments... arguments) {
  Value value{};
  if (function == nullptr || function(arguments..., &value) != 0) return std::nullopt;
  return value;
}

std::optional<double> number(const std::optional<unsigned>& value, double unit = 1) {
  return value ? std::optional(*value * unit) : std::nullopt;
}

}  // namespace

GpuStateReader::GpuStateReader(const std::optional<NvmlFunctions>& nvml, const std::string& pci_bus_id) {
  if (!nvml || nvml->device_by_pci_bus_id(pci_bus_id.c_str(), &device_) != 0) return;
  nvml_ = *nvml;
}

DeviceState GpuStateReader::read() const {
  DeviceState state;
  state.sm_clock_mhz = number(reading<unsigned>(nvml_.clock_mhz, device_, kNvmlSmClock));
  state.memory_clock_mhz = number(reading<unsigned>(nvml_.clock_mhz, device_, kNvmlMemoryClock));
  state.temperature_c = number(reading<unsigned>(nvml_.temperature_c, device_, kNvmlGpuTemperature));
  state.power_w = number(reading<unsigned>(nvml_.power_mw, device_), 1e-3);
  if (const auto bits = reading<unsigned long long>(nvml_.clock_event_reasons, device_)) {
    state.clock_events = clock_event_names(*bits);
  }
  return state;
}

}  // namespace naslat::cudnn
