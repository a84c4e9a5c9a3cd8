#pragma once

#include <cstdint>

// What each kernel of ours computes, in numbers: plain data, the same in C++ and in CUDA, and part of a plan. Addresses
// come apart from them, by slot. A tensor has fewer than 2^31 elements.

namespace naslat::cudnn {

using Index = std::uint32_t;

/// Slots: 0 is the destination, 1 the source; 2 and 3 as each kernel says; from kFirstAddend on what post-ops add.
inline constexpr int kPointers = 8, kFirstAddend = 4, kMostPostOps = kPointers - kFirstAddend;
struct Pointers {
  void* at[kPointers];
};

enum class PostOpKind : std::int32_t { add, relu, relu6, hswish, hsigmoid, sigmoid };

/// Applied to each result, in order; the addend of number i is in slot kFirstAddend + i.
struct PostOps {
  Index count = 0;
  PostOpKind kinds[kMostPostOps] = {};
  bool operator==(const PostOps&) const = default;
};

/// A convolution's or pooling's geometry, and how feature maps lie in memory.
struct Windows {
  Index channels = 0, in_height = 0, in_width = 0, out_height = 0, out_width = 0, kernel = 1, stride = 1, padding = 0;
  bool channels_last = false;
  bool operator==(const Windows&) const = default;
};

/// dst = src · scale + shift, element by element; without a source, shift. Slot 2: a factor per channel, or per image
/// and channel; slot 3: a shift per channel. `area`: elements of one channel of one image.
struct Elementwise {
  Index count = 0, channels = 1, area = 1;
  bool channels_last = false, factor_per_image = false;
  float scale = 1, shift = 0;
  PostOps post_ops{};
  bool operator==(const Elementwise&) const = default;
};

/// Mean over a window; padding does not count.
struct AveragePooling {
  Index count = 0;
  Windows windows{};
  PostOps post_ops{};
  bool operator==(const AveragePooling&) const = default;
};

/// Each channel of each image a number: a row is one of them. `area` as above.
struct GlobalPooling {
  Index rows = 0, channels = 1, area = 1;
  bool channels_last = false;
  PostOps post_ops{};
  bool operator==(const GlobalPooling&) const = default;
};

/// Slot 2: weights, channels×k×k, with channels last k×k×channels; slot 3: bias, or none.
struct DepthwiseConvolution {
  Index count = 0;
  Windows windows{};
  PostOps post_ops{};
  bool operator==(const DepthwiseConvolution&) const = default;
};

struct Shuffling {
  Index count = 0, channels = 1, area = 1, groups = 1;
  bool channels_last = false;
  bool operator==(const Shuffling&) const = default;
};

/// Steps of a sequence N×T×F in memory; features are neighbours.
struct SequenceStrides {
  Index sequence = 0, token = 0;
  bool operator==(const SequenceStrides&) const = default;
};

/// Slot 1: tokens, 32-bit integers; slot 2: table; slot 3: positions.
struct Embedding {
  Index count = 0, width = 1, table_width = 1, tokens = 1, first_token = 0, sequence_tokens = 1, repeats = 1;
  float scale = 1;
  bool operator==(const Embedding&) const = default;
};

/// A dense copy of a sequence, each `repeats` times in a row.
struct Copying {
  Index count = 0, tokens = 1, features = 1, repeats = 1;
  SequenceStrides src{};
  bool operator==(const Copying&) const = default;
};

/// Slots 1 and 2 joined along time.
struct Concatenation {
  Index count = 0, first_tokens = 1, tokens = 1, features = 1;
  SequenceStrides first{}, second{};
  bool operator==(const Concatenation&) const = default;
};

/// Rows of features. Slot 2: scale; slot 3: shift.
struct Normalisation {
  Index rows = 0, features = 1;
  float epsilon = 0;
  bool operator==(const Normalisation&) const = default;
};

struct SoftmaxRows {
  Index rows = 0, length = 1;
  bool operator==(const SoftmaxRows&) const = default;
};

/// Slot 1: queries, slot 2: keys; a row is one score of N×heads×T×L.
struct Scores {
  Index rows = 0, heads = 1, tokens = 1, length = 1, head_width = 1;
  SequenceStrides queries{}, keys{};
  float scale = 1;
  bool operator==(const Scores&) const = default;
};

/// Slot 1: weights N×heads×T×L, slot 2: values; the result is N×T×F, dense.
struct Context {
  Index count = 0, heads = 1, tokens = 1, length = 1, head_width = 1;
  SequenceStrides values{};
  bool operator==(const Context&) const = default;
};

}  // namespace naslat::cudnn
