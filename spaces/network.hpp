#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace naslat {

using TensorId = std::size_t;

/// Extents of a tensor, outermost first: N×C×H×W for feature maps, N×F for vectors.
struct Shape {
  std::vector<std::int64_t> dims;

  [[nodiscard]] std::int64_t elements() const;
  [[nodiscard]] std::int64_t batch() const { return dims.at(0); }
  [[nodiscard]] std::int64_t channels() const { return dims.at(1); }
  [[nodiscard]] std::int64_t height() const { return dims.at(2); }
  [[nodiscard]] std::int64_t width() const { return dims.at(3); }

  bool operator==(const Shape&) const = default;
};

enum class ActivationKind { relu };

// ---- operations: what a layer computes. A new one is a struct here; the compiler lists the places that must learn it.

/// Square convolution, symmetric padding. After fold_batch_norm, `folded_batch_norm` names the layer whose scale is in
/// the kernel and whose shift is the bias.
struct Convolution {
  std::int64_t out_channels = 0, kernel = 1, stride = 1, padding = 0, groups = 1;
  bool bias = false;
  std::string folded_batch_norm{};
  double folded_epsilon = 0;

  bool operator==(const Convolution&) const = default;
};

/// Inference form: statistics are constants.
struct BatchNorm {
  double epsilon = 1e-5;
  bool operator==(const BatchNorm&) const = default;
};

struct Activation {
  ActivationKind kind = ActivationKind::relu;
  bool operator==(const Activation&) const = default;
};

/// Average over a square window; padding is never counted in the divisor.
struct AveragePool {
  std::int64_t kernel = 1, stride = 1, padding = 0;
  bool operator==(const AveragePool&) const = default;
};

/// N×C×H×W → N×C×1×1.
struct GlobalAveragePool {
  bool operator==(const GlobalAveragePool&) const = default;
};

/// Fully connected: all but the batch dimension are flattened. N×(…) → N×out_features.
struct Linear {
  std::int64_t out_features = 0;
  bool bias = true;
  bool operator==(const Linear&) const = default;
};

/// Element-wise sum of two tensors of one shape.
struct Add {
  bool operator==(const Add&) const = default;
};

/// scale · x + shift, element-wise. NAS-Bench-201's `none` is scale 0: its reference implementation multiplies by zero.
struct Affine {
  double scale = 1, shift = 0;
  bool operator==(const Affine&) const = default;
};

using Op = std::variant<Convolution, BatchNorm, Activation, AveragePool, GlobalAveragePool, Linear, Add, Affine>;

// ---- operations fused onto the end of a layer (fuse() in passes.hpp), applied in order

/// Adds a whole tensor of the output's shape.
struct PostAdd {
  TensorId tensor = 0;
  bool operator==(const PostAdd&) const = default;
};
struct PostActivation {
  ActivationKind kind = ActivationKind::relu;
  bool operator==(const PostActivation&) const = default;
};
using PostOp = std::variant<PostAdd, PostActivation>;

struct Layer {
  std::string name;  ///< unique in the network, e.g. "stage1.cell2.edge0-1.conv"; weights are seeded by it
  Op op;
  std::vector<TensorId> inputs;
  TensorId output = 0;
  std::vector<PostOp> post_ops{};

  bool operator==(const Layer&) const = default;
};

/// A run of layers that is timed as a unit by the layer-wise predictor.
struct Block {
  std::string kind;
  std::size_t first_layer = 0, layer_count = 0;
  bool operator==(const Block&) const = default;
};

/// Layers in execution order; each tensor is written by exactly one layer, except `input`.
struct Network {
  std::string name;
  std::vector<Shape> tensors;  ///< by TensorId
  std::vector<Layer> layers;
  std::vector<Block> blocks;
  TensorId input = 0, output = 0;

  bool operator==(const Network&) const = default;
};

/// Short name of an operation for people, e.g. "conv 3x3 s2", "avgpool 3x3".
[[nodiscard]] std::string describe(const Op& op);
[[nodiscard]] std::string describe(const Shape& shape);  ///< "1x16x32x32"

/// Multiply-accumulates of convolutions and fully connected layers (search-spaces.md 1.2).
[[nodiscard]] std::int64_t macs(const Network& network);
[[nodiscard]] std::int64_t macs(const Network& network, const Layer& layer);
/// Weights, biases, batch-norm scales and shifts; running statistics do not count.
[[nodiscard]] std::int64_t parameters(const Network& network);
[[nodiscard]] std::int64_t parameters(const Network& network, const Layer& layer);

/// Equal for equal networks, whatever they are called: a hash of shapes, operations and wiring.
[[nodiscard]] std::uint64_t fingerprint(const Network& network);

/// All tensors a layer reads: its inputs, then those of its post-ops.
[[nodiscard]] std::vector<TensorId> reads(const Layer& layer);

}  // namespace naslat
