// An NVML of two GPUs, listed in another order than the driver's. FAKE_REASONS is the name of the clock events'
// function in its time; with FAKE_STATUS it refuses power and memory clock, as virtual GPUs do.
#include <cstring>

extern "C" {
int nvmlInit_v2() { return 0; }
int nvmlSystemGetDriverVersion(char* text, unsigned length) {
  std::strncpy(text, "580.65.06", length);
  return 0;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, void** device) {
  static char first, second;
  if (std::strcmp(bus_id, "0000:0A:00.0") == 0) *device = &second;
  if (std::strcmp(bus_id, "0000:0B:00.0") == 0) *device = &first;
  return *device != nullptr ? 0 : 6;
}
int nvmlDeviceGetClockInfo(void*, int type, unsigned* mhz) {
  *mhz = type == 1 ? 1980 : 2619;
  return type == 1 ? 0 : FAKE_STATUS;
}
int nvmlDeviceGetTemperature(void* device, int, unsigned* celsius) {
  void* second = nullptr;
  nvmlDeviceGetHandleByPciBusId_v2("0000:0A:00.0", &second);
  *celsius = device == second ? 61 : 35;
  return 0;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
  *milliwatts = 312500;
  return FAKE_STATUS;
}
int FAKE_REASONS(void*, unsigned long long* bits) {
  *bits = 0x40 | 0x4;
  return 0;
}
}
