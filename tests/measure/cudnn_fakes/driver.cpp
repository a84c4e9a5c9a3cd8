// A driver of version FAKE_VERSION with FAKE_GPUS GPUs; none: it does not start, with the error code that CUDA
// documents.
extern "C" {
int cuDriverGetVersion(int* version) {
  *version = FAKE_VERSION;
  return 0;
}
int cuInit(unsigned) { return FAKE_GPUS > 0 ? 0 : 100; }
int cuDeviceGetCount(int* count) {
  *count = FAKE_GPUS;
  return 0;
}
int cuGetErrorString(int, const char** text) {
  *text = "no CUDA-capable device is detected";
  return 0;
}
}
