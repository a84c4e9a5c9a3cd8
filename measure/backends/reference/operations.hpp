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

}  // namespace naslat::reference
