#pragma once

#include <vector>

#include "spaces/network.hpp"

namespace naslat::reference {

using Values = std::vector<double>;  ///< a tensor, row-major

/// Computes one layer without its post-ops. `weights` and `bias` as in measure/weights.hpp.
void convolution(const Convolution& op, const Shape& src_shape, const Values& src, const std::vector<float>& weights,
                 const std::vector<float>& bias, const Shape& dst_shape, Values& dst);
void average_pool(const AveragePool& op, const Shape& src_shape, const Values& src, const Shape& dst_shape,
                  Values& dst);
void global_average_pool(const Shape& src_shape, const Values& src, Values& dst);
void linear(const Linear& op, const Shape& src_shape, const Values& src, const std::vector<float>& weights,
            const std::vector<float>& bias, Values& dst);
/// dst = src · scale + shift, both per channel.
void channel_affine(const Shape& shape, const Values& src, const Values& scale, const Values& shift, Values& dst);

void channel_shuffle(const ChannelShuffle& op, const Shape& shape, const Values& src, Values& dst);
/// dst = src times one factor per image and channel.
void channel_scale(const Shape& shape, const Values& src, const Values& factors, Values& dst);

/// `table` vocabulary×table_width; `positions` as position_encoding() makes them, one row per token embedded.
void token_embedding(const TokenEmbedding& op, const Shape& src_shape, const Values& tokens,
                     const std::vector<float>& table, const std::vector<float>& positions, Values& dst);
void layer_norm(const LayerNorm& op, const Shape& shape, const Values& src, const Values& scale, const Values& shift,
                Values& dst);
void concat(const Shape& a_shape, const Values& a, const Shape& b_shape, const Values& b, Values& dst);
void slice(const Slice& op, const Shape& src_shape, const Values& src, Values& dst);
void repeat(const Repeat& op, const Shape& src_shape, const Values& src, Values& dst);
void attention_scores(const AttentionScores& op, const Shape& query_shape, const Values& queries,
                      const Shape& key_shape, const Values& keys, Values& dst);
void softmax(const Shape& shape, const Values& src, Values& dst);
void attention_context(const Shape& weight_shape, const Values& weights, const Shape& value_shape, const Values& values,
                       Values& dst);

[[nodiscard]] double activate(ActivationKind kind, double x);

}  // namespace naslat::reference
