// A driver whose GPUs are the processor: memory is the process's, and our kernels run as functions, in f32. What is
// captured runs at once; of a graph's launches there is only a count, since a run repeats what it did before.
#include <cuda.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "measure/backends/cudnn/kernel_elements.hpp"
#include "tests/measure/one_lane.hpp"

#undef cuEventElapsedTime  // one of the names behind which the header hides a newer version

namespace {

using namespace naslat::cudnn;
using Run = void (*)(const void* parameters, const Pointers& at, Index threads);

/// As kernels.cu has it, one thread after the other.
template <typename Parameters>
void run_elements(const void* parameters, const Pointers& at, Index threads) {
  const auto& p = *static_cast<const Parameters*>(parameters);
  for (Index thread = 0; thread < threads; ++thread) {
    for (Index i = thread; i < p.count; i += threads) static_cast<float*>(at.at[0])[i] = element<float>(p, at, i);
  }
}

template <typename Parameters>
void run_rows(const void* parameters, const Pointers& at, Index threads) {
  const auto& p = *static_cast<const Parameters*>(parameters);
  const auto put = [&](Index i, float x) { static_cast<float*>(at.at[0])[i] = x; };
  const Index warps = threads / 32;
  for (Index warp = 0; warp < warps; ++warp) {
    for (Index r = warp; r < p.rows; r += warps) row<float>(p, at, r, test::OneLane{}, put);
  }
}

std::unordered_map<std::string, Run>& kernels() {
  static std::unordered_map<std::string, Run> known = {
      {"elementwise_f32", run_elements<Elementwise>},
      {"average_pooling_f32", run_elements<AveragePooling>},
      {"shuffling_f32", run_elements<Shuffling>},
      {"depthwise_convolution_f32", run_elements<DepthwiseConvolution>},
      {"embedding_f32", run_elements<Embedding>},
      {"copying_f32", run_elements<Copying>},
      {"concatenation_f32", run_elements<Concatenation>},
      {"context_f32", run_elements<Context>},
      {"global_pooling_f32", run_rows<GlobalPooling>},
      {"normalisation_f32", run_rows<Normalisation>},
      {"softmax_f32", run_rows<SoftmaxRows>},
      {"scores_f32", run_rows<Scores>}};
  return known;
}

enum class Capture { no, begun, invalidated };
Capture capture = Capture::no;

/// What CUDA refuses during a capture.
CUresult unless_capturing() {
  if (capture == Capture::no) return CUDA_SUCCESS;
  capture = Capture::invalidated;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

using TimePoint = std::chrono::steady_clock::time_point;

void* memory(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

}  // namespace

extern "C" {

// Two GPUs of one kind, one that is too old, one of another kind.
constexpr const char* kNames[] = {"NVIDIA Processor 1", "NVIDIA Processor 1", "NVIDIA Processor 0",
                                  "NVIDIA Processor 2"};
constexpr const char* kPciBusIds[] = {"0000:0A:00.0", "0000:0B:00.0", "0000:0C:00.0", "0000:0D:00.0"};

CUresult cuDeviceGet(CUdevice* device, int number) {
  *device = number;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetPCIBusId(char* id, int length, CUdevice device) {
  std::strncpy(id, kPciBusIds[device], static_cast<std::size_t>(length));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  std::strncpy(name, kNames[device], static_cast<std::size_t>(length));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  *value = attribute != CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? 0 : device == 2 ? 5 : 9;
  return CUDA_SUCCESS;
}
std::size_t fake_memory_bytes = std::size_t{1} << 30;
int fake_uploads = 0;
CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice) {
  *bytes = fake_memory_bytes;
  return CUDA_SUCCESS;
}
CUresult cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  if (capture != Capture::no) return unless_capturing();
  *address = reinterpret_cast<CUdeviceptr>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  return CUDA_SUCCESS;
}
CUresult cuMemFree_v2(CUdeviceptr address) {
  std::free(memory(address));
  return CUDA_SUCCESS;
}
CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, size_t bytes) {
  std::memset(memory(address), value, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
  if (capture != Capture::no) return unless_capturing();
  ++fake_uploads;
  std::memcpy(memory(to), from, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  std::memcpy(to, memory(from), bytes);
  return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction* function, CUmodule, const char* name) {
  const auto known = kernels().find(name);
  if (known == kernels().end()) return CUDA_ERROR_NOT_FOUND;
  *function = reinterpret_cast<CUfunction>(known->second);
  return CUDA_SUCCESS;
}
int fake_launches = 0, fake_replays = 0;  // of kernels, of graphs
bool fake_refuse_capture = false;

CUresult cuLaunchKernel(CUfunction function, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned,
                        unsigned, CUstream, void** arguments, void**) {
  ++fake_launches;
  if (capture != Capture::no && fake_refuse_capture) return unless_capturing();
  reinterpret_cast<Run>(function)(arguments[0], *static_cast<const Pointers*>(arguments[1]), blocks * threads);
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream) { return unless_capturing(); }

CUresult cuEventCreate(CUevent* event, unsigned) {
  *event = reinterpret_cast<CUevent>(new TimePoint{});
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy_v2(CUevent event) {
  delete reinterpret_cast<TimePoint*>(event);
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream) {
  *reinterpret_cast<TimePoint*>(event) = std::chrono::steady_clock::now();
  return CUDA_SUCCESS;
}
CUresult cuEventElapsedTime(float* elapsed_ms, CUevent start, CUevent stop) {
  const auto elapsed = *reinterpret_cast<TimePoint*>(stop) - *reinterpret_cast<TimePoint*>(start);
  *elapsed_ms = std::chrono::duration<float, std::milli>(elapsed).count();
  return unless_capturing();
}

CUresult cuStreamBeginCapture_v2(CUstream, CUstreamCaptureMode mode) {
  capture = Capture::begun;
  return mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuStreamEndCapture(CUstream, CUgraph* graph) {
  const bool valid = std::exchange(capture, Capture::no) == Capture::begun;
  *graph = valid ? reinterpret_cast<CUgraph>(new int{}) : nullptr;
  return valid ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph, unsigned long long) {
  *executable = reinterpret_cast<CUgraphExec>(new int{});
  return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec, CUstream) {
  ++fake_replays;
  return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) {
  delete reinterpret_cast<int*>(graph);
  return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec executable) {
  delete reinterpret_cast<int*>(executable);
  return CUDA_SUCCESS;
}
}
