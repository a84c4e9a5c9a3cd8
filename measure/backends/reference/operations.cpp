#include "measure/backends/reference/operations.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

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
            const auto weight = static_cast<double>(taps[ky * op.kernel + kx]);
            // Rows that are whole on both sides follow one another: all of them are one.
            const bool whole = op.stride == 1 && in_w == out_w && x_end - x_begin == out_w;
            const Index joined = whole ? y_end - y_begin : 1;
            for (Index y = y_begin; y < y_end; y += joined) {
              const Index row = (y * op.stride + ky - op.padding) * in_w + x_begin * op.stride + kx - op.padding;
              accumulate(plane + y * out_w + x_begin, image + row, weight, joined * (x_end - x_begin), op.stride);
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
  const Index in_features = linear_in_features(src_shape), rows = src_shape.elements() / in_features;
  // All rows at once per weight, so that the compiler can use vectors without reordering any sum.
  Values columns(src.size());
  for (Index r = 0; r < rows; ++r) {
    for (Index i = 0; i < in_features; ++i) {
      columns[static_cast<std::size_t>(i * rows + r)] = src[static_cast<std::size_t>(r * in_features + i)];
    }
  }
  Values sums(static_cast<std::size_t>(rows));
  for (Index o = 0; o < op.out_features; ++o) {
    std::fill(sums.begin(), sums.end(), static_cast<double>(bias[static_cast<std::size_t>(o)]));
    for (Index i = 0; i < in_features; ++i) {
      accumulate(sums.data(), columns.data() + i * rows,
                 static_cast<double>(weights[static_cast<std::size_t>(o * in_features + i)]), rows, 1);
    }
    for (Index r = 0; r < rows; ++r) {
      dst[static_cast<std::size_t>(r * op.out_features + o)] = sums[static_cast<std::size_t>(r)];
    }
  }
}

void channel_affine(const Shape& shape, const Values& src, const Values& scale, const Values& shift, Values& dst) {
  const auto area = static_cast<std::size_t>(shape.elements() / shape.batch() / shape.channels());
  for (std::size_t plane = 0; plane < src.size() / area; ++plane) {
    const std::size_t channel = plane % scale.size();
    for (std::size_t i = plane * area; i < (plane + 1) * area; ++i) dst[i] = src[i] * scale[channel] + shift[channel];
  }
}

void channel_shuffle(const ChannelShuffle& op, const Shape& shape, const Values& src, Values& dst) {
  const Index channels = shape.channels(), area = shape.height() * shape.width(), rows = channels / op.groups;
  for (Index n = 0; n < shape.batch(); ++n) {
    for (Index i = 0; i < op.groups; ++i) {
      for (Index j = 0; j < rows; ++j) {
        std::copy_n(src.begin() + (n * channels + i * rows + j) * area, area,
                    dst.begin() + (n * channels + j * op.groups + i) * area);
      }
    }
  }
}

void channel_scale(const Shape& shape, const Values& src, const Values& factors, Values& dst) {
  const auto area = static_cast<std::size_t>(shape.height() * shape.width());
  for (std::size_t i = 0; i < src.size(); ++i) dst[i] = src[i] * factors[i / area];
}

void token_embedding(const TokenEmbedding& op, const Shape& src_shape, const Values& tokens,
                     const std::vector<float>& table, const std::vector<float>& positions, Values& dst) {
  const double scale = std::sqrt(static_cast<double>(op.width));
  auto out = dst.begin();
  for (Index sequence = 0; sequence < src_shape.batch() * op.repeats; ++sequence) {
    for (Index t = 0; t < op.tokens; ++t) {
      const Index at = sequence / op.repeats * src_shape.dims[1] + op.first_token + t;
      const auto row = static_cast<Index>(tokens[static_cast<std::size_t>(at)]);
      for (Index f = 0; f < op.width; ++f) {
        *out++ = scale * static_cast<double>(table[static_cast<std::size_t>(row * op.table_width + f)]) +
                 static_cast<double>(positions[static_cast<std::size_t>(t * op.width + f)]);
      }
    }
  }
}

void layer_norm(const LayerNorm& op, const Shape& shape, const Values& src, const Values& scale, const Values& shift,
                Values& dst) {
  const auto features = static_cast<std::size_t>(shape.dims.back());
  for (std::size_t row = 0; row < src.size(); row += features) {
    double mean = 0, variance = 0;
    for (std::size_t f = 0; f < features; ++f) mean += src[row + f] / static_cast<double>(features);
    for (std::size_t f = 0; f < features; ++f) {
      variance += (src[row + f] - mean) * (src[row + f] - mean) / static_cast<double>(features);
    }
    for (std::size_t f = 0; f < features; ++f) {
      dst[row + f] = (src[row + f] - mean) / std::sqrt(variance + op.epsilon) * scale[f] + shift[f];
    }
  }
}

void concat(const Shape& a_shape, const Values& a, const Shape& b_shape, const Values& b, Values& dst) {
  const Index a_size = a_shape.elements() / a_shape.batch(), b_size = b_shape.elements() / b_shape.batch();
  for (Index n = 0; n < a_shape.batch(); ++n) {
    const auto middle = std::copy_n(a.begin() + n * a_size, a_size, dst.begin() + n * (a_size + b_size));
    std::copy_n(b.begin() + n * b_size, b_size, middle);
  }
}

void slice(const Slice& op, const Shape& src_shape, const Values& src, Values& dst) {
  const Index features = src_shape.dims.back();
  for (Index row = 0; row < src_shape.elements() / features; ++row) {
    std::copy_n(src.begin() + row * features + op.first, op.count, dst.begin() + row * op.count);
  }
}

void repeat(const Repeat& op, const Shape& src_shape, const Values& src, Values& dst) {
  const Index size = src_shape.elements() / src_shape.batch();
  for (Index n = 0; n < src_shape.batch() * op.times; ++n) {
    std::copy_n(src.begin() + n / op.times * size, size, dst.begin() + n * size);
  }
}

void attention_scores(const AttentionScores& op, const Shape& query_shape, const Values& queries,
                      const Shape& key_shape, const Values& keys, Values& dst) {
  const Index tokens = query_shape.dims[1], length = key_shape.dims[1], width = query_shape.dims[2];
  const Index head_width = width / op.heads;
  auto out = dst.begin();
  for (Index n = 0; n < query_shape.batch(); ++n) {
    for (Index h = 0; h < op.heads; ++h) {
      for (Index t = 0; t < tokens; ++t) {
        const auto query = queries.begin() + (n * tokens + t) * width + h * head_width;
        for (Index l = 0; l < length; ++l) {
          const auto key = keys.begin() + (n * length + l) * width + h * head_width;
          *out++ = std::inner_product(query, query + head_width, key, 0.0) / std::sqrt(static_cast<double>(head_width));
        }
      }
    }
  }
}

void softmax(const Shape& shape, const Values& src, Values& dst) {
  const Index length = shape.dims.back();
  for (Index row = 0; row < shape.elements(); row += length) {
    const auto first = src.begin() + row;
    const double largest = *std::max_element(first, first + length);
    double sum = 0;
    for (Index i = 0; i < length; ++i) sum += std::exp(first[i] - largest);
    for (Index i = 0; i < length; ++i) dst[static_cast<std::size_t>(row + i)] = std::exp(first[i] - largest) / sum;
  }
}

void attention_context(const Shape& weight_shape, const Values& weights, const Shape& value_shape, const Values& values,
                       Values& dst) {
  const Index heads = weight_shape.dims[1], tokens = weight_shape.dims[2], length = weight_shape.dims[3];
  const Index width = value_shape.dims[2], head_width = width / heads;
  std::fill(dst.begin(), dst.end(), 0.0);
  auto weight = weights.begin();
  for (Index n = 0; n < weight_shape.batch(); ++n) {
    for (Index h = 0; h < heads; ++h) {
      for (Index t = 0; t < tokens; ++t) {
        double* const out = dst.data() + (n * tokens + t) * width + h * head_width;
        for (Index l = 0; l < length; ++l) {
          accumulate(out, values.data() + (n * length + l) * width + h * head_width, *weight++, head_width, 1);
        }
      }
    }
  }
}

double activate(ActivationKind kind, double x) {
  const double hsigmoid = std::clamp(x + 3, 0.0, 6.0) / 6;
  switch (kind) {
    case ActivationKind::relu:
      return std::max(x, 0.0);
    case ActivationKind::relu6:
      return std::clamp(x, 0.0, 6.0);
    case ActivationKind::hswish:
      return x * hsigmoid;
    case ActivationKind::hsigmoid:
      return hsigmoid;
    case ActivationKind::sigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return x;
}

}  // namespace naslat::reference
