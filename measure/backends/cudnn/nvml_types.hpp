#pragma once

#include "measure/backends/cudnn/shared_library.hpp"

// NVML comes with the driver and its header with neither the CUDA toolkit nor cuDNN: what we use of it, as documented
// in NVML's API reference.

namespace naslat::cudnn {

using NvmlDevice = void*;

// Of nvmlClockType_t and nvmlTemperatureSensors_t.
inline constexpr int kNvmlSmClock = 1, kNvmlMemoryClock = 2, kNvmlGpuTemperature = 0;

struct NvmlFunctions {
  int (*init)() = nullptr;
  int (*device_by_pci_bus_id)(const char* bus_id, NvmlDevice* device) = nullptr;
  int (*driver_version)(char* text, unsigned length) = nullptr;
  int (*clock_mhz)(NvmlDevice device, int type, unsigned* clock) = nullptr;           // optional
  int (*temperature_c)(NvmlDevice device, int sensor, unsigned* celsius) = nullptr;   // optional
  int (*power_mw)(NvmlDevice device, unsigned* milliwatts) = nullptr;                 // optional
  int (*clock_event_reasons)(NvmlDevice device, unsigned long long* bits) = nullptr;  // optional
  SharedLibrary library;
};

}  // namespace naslat::cudnn
