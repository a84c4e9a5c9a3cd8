#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace naslat {

using TensorId = std::size_t;

/// Extents of a tensor, outermost first: N×C×H×W for feature maps, N×T×F for sequences of T tokens, N×F for vectors.
struct Shape {
  std::vector<std::int64_t> dims;

  [[nodiscard]] std::int64_t elements() const;
  [[nodiscard]] std::int64_t batch() const { return dims.at(0); }
  [[nodiscard]] std::int64_t channels() const { return dims.at(1); }
  [[nodiscard]] std::int64_t height() const { return dims.at(2); }
  [[nodiscard]] std::int64_t width() const { return dims.at(3); }

  bool operator==(const Shape&) const = default;
};

/// relu6(x) = min(max(x, 0), 6); hsigmoid(x) = relu6(x + 3) / 6; hswish(x) = x · hsigmoid(x); sigmoid is the exact
/// logistic.
enum class ActivationKind { relu, relu6, hswish, hsigmoid, sigmoid };
[[nodiscard]] const char* to_string(ActivationKind kind);

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

/// Fully connected. Sequences: each token by itself, N×T×F → N×T×out_features; else all but the batch dimension are
/// flattened, N×(…) → N×out_features. With `tied_to`, the kernel is the first columns of that embedding table
/// (out_features rows), and no parameter of its own.
struct Linear {
  std::int64_t out_features = 0;
  bool bias = true;
  std::string tied_to{};
  std::int64_t table_width = 0;  ///< columns of that table
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

/// Channels seen as `groups` rows of C/groups, transposed: channel j·groups + i of the output is channel
/// i·(C/groups) + j of the input.
struct ChannelShuffle {
  std::int64_t groups = 1;
  bool operator==(const ChannelShuffle&) const = default;
};

/// Feature map N×C×H×W times one factor per channel, N×C×1×1: the last step of squeeze-and-excitation.
struct ChannelScale {
  bool operator==(const ChannelScale&) const = default;
};

// ---- sequences (Transformers). Attention is split over heads: head h of a token is the h-th part of its features.

/// √width · table row + sinusoidal position, N×T token numbers → (N·repeats)×tokens×width. Tokens first_token, … of
/// each sequence are embedded; each sequence is repeated. Rows and positions are cut to the first `width` of
/// `table_width` columns (HAT's super-Transformer shares its largest table).
struct TokenEmbedding {
  std::string table;  ///< weights are seeded by it
  std::int64_t vocabulary = 0, width = 0, table_width = 0, first_token = 0, tokens = 1, repeats = 1;
  bool operator==(const TokenEmbedding&) const = default;
};

/// Normalises each token's features to mean 0 and variance 1, then scales and shifts them.
struct LayerNorm {
  double epsilon = 1e-5;
  bool operator==(const LayerNorm&) const = default;
};

/// Sequences joined along time: N×T1×F, N×T2×F → N×(T1+T2)×F. A key/value cache grows by it.
struct Concat {
  bool operator==(const Concat&) const = default;
};

/// `count` of the innermost extent, from `first` on.
struct Slice {
  std::int64_t first = 0, count = 0;
  bool operator==(const Slice&) const = default;
};

/// Each sequence `times` times in a row: N×T×F → (N·times)×T×F.
struct Repeat {
  std::int64_t times = 1;
  bool operator==(const Repeat&) const = default;
};

/// Scaled dot products of queries N×T×F and keys N×L×F → N×heads×T×L; the scale is (F/heads)^-½.
struct AttentionScores {
  std::int64_t heads = 1;
  bool operator==(const AttentionScores&) const = default;
};

/// Over the innermost extent.
struct Softmax {
  bool operator==(const Softmax&) const = default;
};

/// Weights N×heads×T×L times values N×L×F → N×T×F.
struct AttentionContext {
  bool operator==(const AttentionContext&) const = default;
};

using Op = std::variant<Convolution, BatchNorm, Activation, AveragePool, GlobalAveragePool, Linear, Add, Affine,
                        ChannelShuffle, ChannelScale, TokenEmbedding, LayerNorm, Concat, Slice, Repeat, AttentionScores,
                        Softmax, AttentionContext>;

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
  std::string name;  ///< unique in the network, e.g. "stage1.cell2.edge0-1.conv"
  Op op;
  std::vector<TensorId> inputs;
  TensorId output = 0;
  std::vector<PostOp> post_ops{};
  std::string shared_weights{};  ///< name that layers with the same weights have in common; empty: weights of its own

  /// Weights are seeded by it.
  [[nodiscard]] const std::string& weights_name() const { return shared_weights.empty() ? name : shared_weights; }

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
  std::vector<TensorId> side_outputs{};  ///< results besides the output, e.g. the logits of earlier decoder steps

  bool operator==(const Network&) const = default;
};

/// Short name of an operation for people, e.g. "conv 3x3 s2", "avg pool 3x3".
[[nodiscard]] std::string describe(const Op& op);
/// "1x16x32x32". @param images of a batch, of which one is described
[[nodiscard]] std::string describe(const Shape& shape, std::int64_t images = 1);

/// Features of each row that a Linear multiplies: the innermost extent of sequences, all but the batch otherwise.
[[nodiscard]] std::int64_t linear_in_features(const Shape& src);

/// Multiply-accumulates of convolutions, fully connected layers and attention products (search-spaces.md 1.2).
[[nodiscard]] std::int64_t macs(const Network& network);
[[nodiscard]] std::int64_t macs(const Network& network, const Layer& layer);
/// Weights, biases, scales and shifts of batch and layer norms; running statistics do not count, nor do embedding
/// tables and projections tied to them (HAT's rule). Weights that layers share count once.
[[nodiscard]] std::int64_t parameters(const Network& network);
[[nodiscard]] std::int64_t parameters(const Network& network, const Layer& layer);
/// Of each layer, 0 where one before has the same weights: they add up to the network's.
[[nodiscard]] std::vector<std::int64_t> parameters_of_layers(const Network& network);

/// Equal for equal networks, whatever they and their layers are called: a hash of shapes, operations, wiring and which
/// weights are shared, by name.
[[nodiscard]] std::uint64_t fingerprint(const Network& network);

/// All tensors a layer reads: its inputs, then those of its post-ops.
[[nodiscard]] std::vector<TensorId> reads(const Layer& layer);

}  // namespace naslat
