#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "measure/backends/cudnn/descriptor.hpp"
#include "measure/backends/cudnn/engine.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/cudnn/plan.hpp"
#include "measure/device.hpp"

namespace naslat::cudnn {

/// Bytes; another limit leads to other engines, and so to another device.
inline constexpr std::int64_t kConvolutionWorkspaceLimit = std::int64_t{256} << 20;

/// How a convolution's tensors are stored and multiplied.
struct Arithmetic {
  DataType dtype = DataType::f32;
  bool channels_last = false;
  bool operator==(const Arithmetic&) const = default;
};

[[nodiscard]] cudnnDataType_t storage_type(DataType dtype);

/// What engines are chosen for: the GPU behind a handle, or one that is described only (cuDNN 9.8 and newer).
struct Target {
  cudnnHandle_t handle = nullptr;
  const Descriptor* properties = nullptr;  ///< CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR
};

/// A ConvolutionCall as an operation graph of cuDNN: convolution, then as many of addition, bias and ReLU as it has.
/// Tensors' unique ids are their slots plus one.
class ConvolutionGraph {
 public:
  /// @param handle  none: a graph that can be looked at without a GPU, and not executed (cuDNN 9.8 and newer)
  ConvolutionGraph(const CudnnFunctions& cudnn, cudnnHandle_t handle, const ConvolutionCall& call,
                   const Arithmetic& arithmetic);
  [[nodiscard]] const Descriptor& graph() const { return descriptors_.back(); }

 private:
  using Dims = std::vector<std::int64_t>;
  std::size_t add(Descriptor descriptor);
  std::size_t tensor(std::int64_t unique_id, const Dims& dims, cudnnDataType_t type, bool in_memory);
  /// x combined with the tensor b, or by itself; the result, in memory if it is the last.
  std::size_t pointwise(cudnnPointwiseMode_t mode, std::size_t x, std::optional<std::size_t> b, bool last);
  void convolution(const ConvolutionCall& call, std::size_t x, std::size_t weights, std::size_t result);

  const CudnnFunctions& cudnn_;
  Arithmetic arithmetic_;
  Dims out_dims_;
  std::int64_t next_virtual_id_ = 100;
  std::vector<Descriptor> descriptors_;
  std::vector<cudnnBackendDescriptor_t> operations_;
};

/// The addresses that a graph of this call reads and writes; others in `at` are left out. @throws Unsupported
[[nodiscard]] Descriptor variant_pack(const CudnnFunctions& cudnn, const ConvolutionCall& call, const Pointers& at,
                                      void* workspace);

/// An engine made ready for a call.
struct PlannedConvolution {
  std::shared_ptr<const ConvolutionGraph> graph;  ///< that the plan was made from
  Descriptor plan;
  std::int64_t engine = 0;  ///< cuDNN's number of it among those for such graphs
  [[nodiscard]] std::int64_t workspace_bytes() const { return plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE); }
};

/// The first engines of cuDNN's heuristics that keep within the workspace limit, and for f32 within f32; `most` of
/// them.
/// @throws Unsupported where there is none
[[nodiscard]] std::vector<PlannedConvolution> plan_convolutions(const CudnnFunctions& cudnn, const Target& target,
                                                                const ConvolutionCall& call,
                                                                const Arithmetic& arithmetic, std::size_t most);
/// The same, ready to be bound.
[[nodiscard]] std::vector<EnginePointer> graph_convolutions(const Gpu& gpu, const ConvolutionCall& call,
                                                            const Arithmetic& arithmetic, std::size_t most);

/// The same by cuDNN's older interface, which knows no addition, bias and ReLU: those are left to the caller.
/// @throws Unsupported where it has no algorithm
[[nodiscard]] std::vector<EnginePointer> legacy_convolutions(const Gpu& gpu, const ConvolutionCall& call,
                                                             const Arithmetic& arithmetic, std::size_t most);

/// The older interface's descriptors of a convolution. @throws Unsupported where cuDNN refuses them
struct LegacyDescriptors {
  LegacyDescriptors(const CudnnFunctions& cudnn, const ConvolutionCall& call, const Arithmetic& arithmetic);
  ~LegacyDescriptors();
  LegacyDescriptors(const LegacyDescriptors&) = delete;
  LegacyDescriptors& operator=(const LegacyDescriptors&) = delete;

  const CudnnFunctions& cudnn;
  cudnnTensorDescriptor_t src = nullptr, dst = nullptr;
  cudnnFilterDescriptor_t weights = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;

 private:
  explicit LegacyDescriptors(const CudnnFunctions& functions) : cudnn(functions) {}
};

}  // namespace naslat::cudnn
