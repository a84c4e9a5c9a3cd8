// Convolutions by cuDNN's graph interface.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/convolution.hpp"

namespace naslat::cudnn {

namespace {

constexpr std::int64_t kGraphAlignment = 16;  // what the fastest engines ask of their tensors, in bytes

std::vector<std::int64_t> strides_of(const std::vector<std::int64_t>& dims, bool channels_last) {
  const std::int64_t c = dims[1], h = dims[2], w = dims[3];
  if (channels_last) return {h * w * c, 1, w * c, c};
  return {c * h * w, h * w, w, 1};
}

}  // namespace

cudnnDataType_t storage_type(DataType dtype) {
  switch (dtype) {
    case DataType::f32:
    case DataType::tf32:
      return CUDNN_DATA_FLOAT;
    case DataType::bf16:
      return CUDNN_DATA_BFLOAT16;
    case DataType::f16:
      return CUDNN_DATA_HALF;
  }
  return CUDNN_DATA_FLOAT;
}

// ---- the graph

ConvolutionGraph::ConvolutionGraph(const CudnnFunctions& cudnn, cudnnHandle_t handle, const ConvolutionCall& call,
                                   const Arithmetic& arithmetic)
    : cudnn_(cudnn),
      arithmetic_(arithmetic),
      out_dims_{call.batch, call.out_channels, call.out_height, call.out_width} {
  const cudnnDataType_t type = storage_type(arithmetic.dtype);
  const auto id = [](int slot) { return static_cast<std::int64_t>(slot + 1); };
  const std::size_t src = tensor(id(1), {call.batch, call.in_channels, call.in_height, call.in_width}, type, true);
  const std::size_t weights =
      tensor(id(2), {call.out_channels, call.in_channels / call.groups, call.kernel, call.kernel}, type, true);
  int left = int{call.add} + int{call.bias} + int{call.relu};  // operations behind the convolution
  std::size_t x =
      left == 0 ? tensor(id(0), out_dims_, type, true) : tensor(next_virtual_id_++, out_dims_, CUDNN_DATA_FLOAT, false);
  convolution(call, src, weights, x);
  if (call.add) x = pointwise(CUDNN_POINTWISE_ADD, x, tensor(id(4), out_dims_, type, true), --left == 0);
  if (call.bias) {
    x = pointwise(CUDNN_POINTWISE_ADD, x, tensor(id(3), {1, call.out_channels, 1, 1}, type, true), --left == 0);
  }
  if (call.relu) x = pointwise(CUDNN_POINTWISE_RELU_FWD, x, std::nullopt, true);
  Descriptor graph(cudnn_, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(operations_.size()),
            operations_.data());
  add(std::move(graph));
}

std::size_t ConvolutionGraph::add(Descriptor descriptor) {
  descriptor.finalise();
  descriptors_.push_back(std::move(descriptor));
  return descriptors_.size() - 1;
}

std::size_t ConvolutionGraph::tensor(std::int64_t unique_id, const Dims& dims, cudnnDataType_t type, bool in_memory) {
  Descriptor tensor(cudnn_, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims)
      .set(CUDNN_ATTR_TENSOR_STRIDES, strides_of(dims, arithmetic_.channels_last))
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, unique_id)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kGraphAlignment)
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, !in_memory);
  return add(std::move(tensor));
}

void ConvolutionGraph::convolution(const ConvolutionCall& call, std::size_t x, std::size_t weights,
                                   std::size_t result) {
  constexpr std::array<std::int64_t, 2> kDilations{1, 1};
  const std::array<std::int64_t, 2> strides{call.stride, call.stride}, padding{call.padding, call.padding};
  constexpr cudnnConvolutionMode_t kMode = CUDNN_CROSS_CORRELATION;
  Descriptor convolution(cudnn_, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &kMode)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, kDilations)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, strides)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding);
  const std::size_t how = add(std::move(convolution));
  Descriptor operation(cudnn_, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, descriptors_[how])
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, descriptors_[x])
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, descriptors_[weights])
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, descriptors_[result])
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0F)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0F);
  operations_.push_back(descriptors_[add(std::move(operation))].get());
}

std::size_t ConvolutionGraph::pointwise(cudnnPointwiseMode_t mode, std::size_t x, std::optional<std::size_t> b,
                                        bool last) {
  const std::size_t y = last ? tensor(1, out_dims_, storage_type(arithmetic_.dtype), true)
                             : tensor(next_virtual_id_++, out_dims_, CUDNN_DATA_FLOAT, false);
  Descriptor how(cudnn_, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  const std::size_t function = add(std::move(how));
  Descriptor operation(cudnn_, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, descriptors_[function])
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, descriptors_[x])
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, descriptors_[y]);
  if (b) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, descriptors_[*b]);
  operations_.push_back(descriptors_[add(std::move(operation))].get());
  return y;
}

Descriptor variant_pack(const CudnnFunctions& cudnn, const ConvolutionCall& call, const Pointers& at, void* workspace) {
  const std::array<bool, 5> used{true, true, true, call.bias, call.add};
  std::vector<std::int64_t> ids;
  std::vector<void*> addresses;
  for (std::size_t slot = 0; slot < used.size(); ++slot) {
    if (!used.at(slot)) continue;
    ids.push_back(static_cast<std::int64_t>(slot) + 1);
    addresses.push_back(at.at[slot]);
  }
  Descriptor pack(cudnn, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(addresses.size()),
           addresses.data())
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace)
      .finalise();
  return pack;
}

// ---- the engine

namespace {

class GraphConvolution final : public Engine {
 public:
  GraphConvolution(const Gpu& gpu, const ConvolutionCall& call, PlannedConvolution planned)
      : gpu_(gpu),
        call_(call),
        planned_(std::move(planned)),
        workspace_bytes_(static_cast<std::size_t>(planned_.workspace_bytes())) {}

  [[nodiscard]] Launch bind(const Pointers& at, void* workspace) const override {
    const auto pack = std::make_shared<const Descriptor>(variant_pack(gpu_.libraries().cudnn, call_, at, workspace));
    return [this, pack] {
      gpu_.check(gpu_.libraries().cudnn.cudnnBackendExecute(gpu_.cudnn(), planned_.plan.get(), pack->get()),
                 "convolution");
    };
  }
  [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_bytes_; }
  [[nodiscard]] std::string name() const override {
    return fmt::format("conv{}{}{} cudnn:engine{}", call_.add ? "+add" : "", call_.bias ? "+bias" : "",
                       call_.relu ? "+relu" : "", planned_.engine);
  }

 private:
  const Gpu& gpu_;
  ConvolutionCall call_;
  PlannedConvolution planned_;
  std::size_t workspace_bytes_;
};

/// Whether the engine rounds f32 to fewer bits before it multiplies.
bool rounds_inputs(const Descriptor& engine) {
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const std::int64_t count = engine.fill(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                         static_cast<std::int64_t>(notes.size()), notes.data());
  return std::any_of(notes.begin(), notes.begin() + count, [](cudnnBackendNumericalNote_t note) {
    return note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE || note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
  });
}

/// Engine configurations for a graph, best first as cuDNN's model of the GPU orders them.
std::vector<Descriptor> configurations(const CudnnFunctions& cudnn, const Target& target, const Descriptor& graph,
                                       cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(cudnn, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (target.properties != nullptr) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.properties);
  heuristics.finalise();
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  std::int64_t count = heuristics.count(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR);
  for (std::int64_t i = 0; i < count; ++i) {
    raw.push_back(found.emplace_back(cudnn, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
  }
  count = heuristics.fill(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, raw.data());
  while (found.size() > static_cast<std::size_t>(count)) found.pop_back();
  return found;
}

/// @throws Unsupported where this configuration does not serve
PlannedConvolution planned(const CudnnFunctions& cudnn, const Target& target, DataType dtype,
                           std::shared_ptr<const ConvolutionGraph> graph, const Descriptor& configuration) {
  const Descriptor engine(cudnn, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.get();
  configuration.fill(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
  if (dtype == DataType::f32 && rounds_inputs(engine)) throw Unsupported("rounds f32");
  Descriptor plan(cudnn, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  if (target.handle != nullptr) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  if (target.properties != nullptr) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.properties);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration).finalise();
  PlannedConvolution made{std::move(graph), std::move(plan), engine.integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX)};
  if (made.workspace_bytes() > kConvolutionWorkspaceLimit) throw Unsupported("needs too much workspace");
  return made;
}

}  // namespace

std::vector<PlannedConvolution> plan_convolutions(const CudnnFunctions& cudnn, const Target& target,
                                                  const ConvolutionCall& call, const Arithmetic& arithmetic,
                                                  std::size_t most) {
  const auto graph = std::make_shared<const ConvolutionGraph>(cudnn, target.handle, call, arithmetic);
  std::vector<PlannedConvolution> found;
  std::string why = "no engine";
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    if (!found.empty()) break;
    try {
      for (const Descriptor& configuration : configurations(cudnn, target, graph->graph(), mode)) {
        if (found.size() == most) break;
        try {
          found.push_back(planned(cudnn, target, arithmetic.dtype, graph, configuration));
        } catch (const Unsupported& reason) {
          why = reason.what();
        }
      }
    } catch (const Unsupported& reason) {  // no heuristics for such graphs
      why = reason.what();
    }
  }
  if (found.empty()) throw Unsupported(why);
  return found;
}

std::vector<EnginePointer> graph_convolutions(const Gpu& gpu, const ConvolutionCall& call, const Arithmetic& arithmetic,
                                              std::size_t most) {
  std::vector<EnginePointer> engines;
  for (PlannedConvolution& planned :
       plan_convolutions(gpu.libraries().cudnn, {.handle = gpu.cudnn()}, call, arithmetic, most)) {
    engines.push_back(std::make_shared<GraphConvolution>(gpu, call, std::move(planned)));
  }
  return engines;
}

}  // namespace naslat::cudnn
