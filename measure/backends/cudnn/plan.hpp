#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "measure/arena.hpp"
#include "measure/backends/cudnn/kernel_parameters.hpp"
#include "spaces/executed_blocks.hpp"
#include "spaces/network.hpp"

// A network as a list of GPU calls and the memory between them. Nothing here knows a GPU: plans are made, compared and
// checked on any machine.

namespace naslat::cudnn {

using BufferId = std::size_t;

/// A buffer's last step when nothing may overwrite it, in this run or a later one.
inline constexpr int kForever = std::numeric_limits<int>::max();

/// Addresses that every library and every vector load likes.
inline constexpr std::size_t kGpuAlignment = 256;

/// What a step reads or writes, from some element on.
struct Operand {
  enum class Kind { none, buffer, weights };
  Kind kind = Kind::none;
  std::size_t index = 0;  ///< BufferId, or in Plan::weights
  std::size_t offset = 0;
  bool operator==(const Operand&) const = default;
};

/// dst = relu(convolution(src) + addend + bias), with what is said of these; slots: dst, src, weights, bias, addend.
/// cuDNN has precompiled engines for exactly this order, and none for other activations.
struct ConvolutionCall {
  std::int64_t batch = 1, in_channels = 1, in_height = 1, in_width = 1;
  std::int64_t out_channels = 1, out_height = 1, out_width = 1;
  std::int64_t kernel = 1, stride = 1, padding = 0, groups = 1;
  bool bias = false, add = false, relu = false;
  bool operator==(const ConvolutionCall&) const = default;
};

/// dst (rows×out) = relu(src (rows×in) · weightsᵀ (in×out) + addend + bias); slots as above.
struct MatmulCall {
  std::int64_t rows = 1, in = 1, out = 1;
  std::int64_t src_stride = 1;  ///< elements from row to row of src; dst and addend are dense
  bool bias = false, add = false, relu = false;
  bool operator==(const MatmulCall&) const = default;
};

using Operation =
    std::variant<ConvolutionCall, MatmulCall, Elementwise, AveragePooling, GlobalPooling, DepthwiseConvolution,
                 Shuffling, Embedding, Copying, Concatenation, Normalisation, SoftmaxRows, Scores, Context>;

using Operands = std::array<Operand, kPointers>;  // by slot

struct Step {
  std::string layer;  ///< that wanted it, for messages
  Operation operation;
  Operands operands{};
  bool operator==(const Step&) const = default;
};

/// Data that is uploaded once. Equal keys are equal data, also in plans of other networks.
struct Weights {
  enum class Part {
    input,
    tokens,  ///< the input of a network that embeds it, as 32-bit integers
    convolution_kernel,
    depthwise_kernel,  ///< with channels last: k×k×channels
    convolution_bias,
    batch_norm_scale,  ///< scale and shift of x, the statistics folded in
    batch_norm_shift,
    linear_kernel,
    linear_bias,
    layer_norm_scale,
    layer_norm_shift,
    embedding_table,
    positions
  };
  Part part = Part::input;
  std::size_t layer = 0;       ///< in the network
  bool channels_last = false;  ///< the C×H×W inside becomes H×W×C
  std::string key;
  bool operator==(const Weights&) const = default;
};

struct Buffer {
  std::size_t elements = 0;
  int first_step = 0, last_step = 0;
  bool constant = false;  ///< written by Plan::once: memory of its own, forever
  bool operator==(const Buffer&) const = default;
};

/// Steps of one block of the network.
struct PlannedBlock {
  BlockInfo info;
  std::size_t first_step = 0, step_count = 0;
  bool operator==(const PlannedBlock&) const = default;
};

struct Plan {
  std::vector<Step> steps;  ///< one run
  std::vector<Step> once;   ///< results that do not depend on the input
  std::vector<Buffer> buffers;
  std::vector<Weights> weights;
  Operand output;
  Shape output_shape;
  bool channels_last = false;  ///< of every feature map
  std::vector<PlannedBlock> blocks;
  bool operator==(const Plan&) const = default;
};

struct PlanOptions {
  bool every_op_alone = false;  ///< eager: every operation is a call of its own
  bool channels_last = false;
  bool operator==(const PlanOptions&) const = default;
};

/// @throws Unsupported naming the layer
[[nodiscard]] Plan make_plan(const Network& network, const PlanOptions& options);

/// Offsets in bytes of the plan's buffers in one arena. Constant ones take no room there.
[[nodiscard]] ArenaPlan plan_arena(const Plan& plan, std::size_t element_bytes);

/// The data itself, in the order it has in memory.
[[nodiscard]] std::vector<float> weight_values(const Network& network, const Weights& weights);

/// N×C×H×W from N×H×W×C.
[[nodiscard]] std::vector<float> channels_first(const std::vector<float>& values, const Shape& shape);
/// N×H×W×C from N×C×H×W.
[[nodiscard]] std::vector<float> channels_last(const std::vector<float>& values, const Shape& shape);

}  // namespace naslat::cudnn
