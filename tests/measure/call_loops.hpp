#pragma once

#include <cmath>
#include <iterator>
#include <numeric>

#include "measure/backends/cudnn/plan.hpp"

// The libraries' calls of a plan as plain loops over f32.

namespace naslat::cudnn::test {

/// dst = relu(result + addend + bias) with what the call has of these.
template <typename Call>
void store(const Call& call, const Pointers& at, std::int64_t i, std::int64_t channel, float result) {
  if (call.add) result += static_cast<const float*>(at.at[4])[i];
  if (call.bias) result += static_cast<const float*>(at.at[3])[channel];
  static_cast<float*>(at.at[0])[i] = call.relu ? std::fmax(result, 0.0F) : result;
}

/// Of two vectors; in eight sums, which the compiler keeps in one register.
inline float product(const float* a, const float* b, std::int64_t size) {
  constexpr std::int64_t kSums = 8;
  float sums[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= size; i += kSums) {
    for (std::int64_t lane = 0; lane < kSums; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < size; ++i) sums[0] += a[i] * b[i];
  return std::accumulate(std::begin(sums), std::end(sums), 0.0F);
}

inline void run(const MatmulCall& call, const Pointers& at) {
  const auto* const src = static_cast<const float*>(at.at[1]);
  const auto* const weights = static_cast<const float*>(at.at[2]);
  for (std::int64_t r = 0; r < call.rows; ++r) {
    for (std::int64_t o = 0; o < call.out; ++o) {
      store(call, at, r * call.out + o, o, product(src + r * call.src_stride, weights + o * call.in, call.in));
    }
  }
}

inline void run(const ConvolutionCall& call, const Pointers& at, bool channels_last) {
  const std::int64_t group_in = call.in_channels / call.groups, group_out = call.out_channels / call.groups;
  const std::int64_t area = call.out_height * call.out_width, pixels = call.in_height * call.in_width;
  const std::int64_t step = channels_last ? 1 : pixels;  // from channel to channel
  const std::int64_t tap_step = channels_last ? 1 : call.kernel * call.kernel;
  const auto* const src = static_cast<const float*>(at.at[1]);
  const auto* const weights = static_cast<const float*>(at.at[2]);
  for (std::int64_t n = 0; n < call.batch; ++n) {
    for (std::int64_t oc = 0; oc < call.out_channels; ++oc) {
      const std::int64_t channel = oc / group_out * group_in;
      for (std::int64_t position = 0; position < area; ++position) {
        float sum = 0;
        for (std::int64_t tap = 0; tap < call.kernel * call.kernel; ++tap) {
          const std::int64_t y = position / call.out_width * call.stride - call.padding + tap / call.kernel;
          const std::int64_t x = position % call.out_width * call.stride - call.padding + tap % call.kernel;
          if (y < 0 || y >= call.in_height || x < 0 || x >= call.in_width) continue;
          const std::int64_t pixel = y * call.in_width + x;
          const float* const from = src + (channels_last ? (n * pixels + pixel) * call.in_channels + channel
                                                         : (n * call.in_channels + channel) * pixels + pixel);
          const float* const kernel =
              weights + oc * group_in * call.kernel * call.kernel + (channels_last ? tap * group_in : tap);
          for (std::int64_t c = 0; c < group_in; ++c) sum += from[c * step] * kernel[c * tap_step];
        }
        const std::int64_t to = channels_last ? (n * area + position) * call.out_channels + oc
                                              : (n * call.out_channels + oc) * area + position;
        store(call, at, to, oc, sum);
      }
    }
  }
}

}  // namespace naslat::cudnn::test
