#include "measure/backends/reference/operations.hpp"

#include <algorithm>

namespace naslat::reference {

namespace {

using Index = std::int64_t;

/// dst[x] += weight · src[x · stride] for x in 0..count-1.
void accumulate(double* __restrict dst, const double* __restrict src, double weight, Index count, Index stride) {
  if (stride == 1) {
    for (Index x = 0; x < count; ++x) dst[x] += weight * src[x];
  } else {
    for (Index x = 0; x < count; ++x) dst[x] += weight * src[x * stride];
  }
}

/// The outputs o in 0..out-1 whose input o · stride + offset lies in 0..in-1: first and one past the last.
std::pair<Index, Index> valid_range(Index out, Index in, Index stride, Index offset) {
  const Index first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const Index last = in - 1 - offset < 0 ? 0 : (in - 1 - offset) / stride + 1;
  return {std::min(first, out), std::clamp(last, std::min(first, out), out)};
}

}  // namespace

void convolution(const Convolution& op, const Shape& src_shape, const Values& src, const std::vector<float>& weights,
                 const std::vector<float>& bias, const Shape& dst_shape, Values& dst) {
  const Index in_h = src_shape.height(), in_w = src_shape.width(), out_h = dst_shape.height(),
              out_w = dst_shape.width();
  const Index group_in = src_shape.channels() / op.groups, group_out = op.out_channels / op.groups;
  for (Index n = 0; n < src_shape.batch(); ++n) {
    for (Index oc = 0; oc < op.out_channels; ++oc) {
      double* const plane = dst.data() + (n * op.out_channels + oc) * out_h * out_w;
      std::fill_n(plane, out_h * out_w, static_cast<double>(bias[static_cast<std::size_t>(oc)]));
      for (Index ic = 0; ic < group_in; ++ic) {
        const Index channel = oc / group_out * group_in + ic;
        const double* const image = src.data() + (n * src_shape.channels() + channel) * in_h * in_w;
        const float* const taps = weights.data() + (oc * group_in + ic) * op.kernel * op.kernel;
        for (Index ky = 0; ky < op.kernel; ++ky) {
          const auto [y_begin, y_end] = valid_range(out_h, in_h, op.stride, ky - op.padding);
          for (Index kx = 0; kx < op.kernel; ++kx) {
            const auto [x_begin, x_end] = valid_range(out_w, in_w, op.stride, kx - op.padding);
            for (Index y = y_begin; y < y_end; ++y) {
              const Index row = (y * op.stride + ky - op.padding) * in_w + x_begin * op.stride + kx - op.padding;
              accumulate(plane + y * out_w + x_begin, image + row, static_cast<double>(taps[ky * op.kernel + kx]),
                         x_end - x_begin, op.stride);
            }
          }
        }
      }
    }
  }
}

void average_pool(const AveragePool& op, const Shape& src_shape, const Values& src, const Shape& dst_shape,
                  Values& dst) {
  const Index in_h = src_shape.height(), in_w = src_shape.width(), out_h = dst_shape.height(),
              out_w = dst_shape.width();
  for (Index plane = 0; plane < src_shape.batch() * src_shape.channels(); ++plane) {
    const double* const image = src.data() + plane * in_h * in_w;
    for (Index y = 0; y < out_h; ++y) {
      const Index top = y * op.stride - op.padding;
      for (Index x = 0; x < out_w; ++x) {
        const Index left = x * op.stride - op.padding;
        double sum = 0;
        Index count = 0;
        for (Index iy = std::max<Index>(top, 0); iy < std::min(top + op.kernel, in_h); ++iy) {
          for (Index ix = std::max<Index>(left, 0); ix < std::min(left + op.kernel, in_w); ++ix) {
            sum += image[iy * in_w + ix];
            ++count;
          }
        }
        dst[static_cast<std::size_t>((plane * out_h + y) * out_w + x)] = sum / static_cast<double>(count);
      }
    }
  }
}

void global_average_pool(const Shape& src_shape, const Values& src, Values& dst) {
  const Index area = src_shape.height() * src_shape.width();
  for (Index plane = 0; plane < src_shape.batch() * src_shape.channels(); ++plane) {
    double sum = 0;
    for (Index i = 0; i < area; ++i) sum += src[static_cast<std::size_t>(plane * area + i)];
    dst[static_cast<std::size_t>(plane)] = sum / static_cast<double>(area);
  }
}

void linear(const Linear& op, const Shape& src_shape, const Values& src, const std::vector<float>& weights,
            const std::vector<float>& bias, Values& dst) {
  const Index in_features = src_shape.elements() / src_shape.batch();
  for (Index n = 0; n < src_shape.batch(); ++n) {
    for (Index o = 0; o < op.out_features; ++o) {
      double sum = static_cast<double>(bias[static_cast<std::size_t>(o)]);
      for (Index i = 0; i < in_features; ++i) {
        sum += static_cast<double>(weights[static_cast<std::size_t>(o * in_features + i)]) *
               src[static_cast<std::size_t>(n * in_features + i)];
      }
      dst[static_cast<std::size_t>(n * op.out_features + o)] = sum;
    }
  }
}

void channel_affine(const Shape& shape, const Values& src, const Values& scale, const Values& shift, Values& dst) {
  const auto area = static_cast<std::size_t>(shape.elements() / shape.batch() / shape.channels());
  for (std::size_t i = 0; i < src.size(); ++i) {
    const std::size_t channel = i / area % scale.size();
    dst[i] = src[i] * scale[channel] + shift[channel];
  }
}

}  // namespace naslat::reference
