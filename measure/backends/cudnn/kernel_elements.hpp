#pragma once

#include <cmath>

#include "measure/backends/cudnn/kernel_parameters.hpp"

// What one element, or one row, of each kernel is. CUDA compiles this for the GPU, tests compile it for the processor:
// the arithmetic that runs there is the arithmetic that was checked here. T is how tensors are stored; sums are in f32.

#if defined(__CUDACC__)
#define NASLAT_DEVICE __device__ __forceinline__
#else
#define NASLAT_DEVICE inline
#endif

namespace naslat::cudnn {

template <typename T>
NASLAT_DEVICE float load(const void* from, Index i) {
  return static_cast<float>(static_cast<const T*>(from)[i]);
}

NASLAT_DEVICE float activated(PostOpKind kind, float x) {
  const float hsigmoid = fminf(fmaxf(x + 3, 0), 6) / 6;
  switch (kind) {
    case PostOpKind::relu:
      return fmaxf(x, 0);
    case PostOpKind::relu6:
      return fminf(fmaxf(x, 0), 6);
    case PostOpKind::hswish:
      return x * hsigmoid;
    case PostOpKind::hsigmoid:
      return hsigmoid;
    case PostOpKind::sigmoid:
      return 1 / (1 + expf(-x));
    case PostOpKind::add:
      break;
  }
  return x;
}

template <typename T>
NASLAT_DEVICE float finished(const PostOps& ops, const Pointers& at, Index i, float x) {
  for (Index op = 0; op < ops.count; ++op) {
    x = ops.kinds[op] == PostOpKind::add ? x + load<T>(at.at[kFirstAddend + op], i) : activated(ops.kinds[op], x);
  }
  return x;
}

/// Where an element of a feature map is.
struct Place {
  Index image, channel, position;
};
NASLAT_DEVICE Place place(Index i, Index channels, Index area, bool channels_last) {
  if (channels_last) return {i / channels / area, i % channels, i / channels % area};
  return {i / area / channels, i / area % channels, i % area};
}
NASLAT_DEVICE Index address(const Place& p, Index channels, Index area, bool channels_last) {
  return channels_last ? (p.image * area + p.position) * channels + p.channel
                       : (p.image * channels + p.channel) * area + p.position;
}

// ---- one element

template <typename T>
NASLAT_DEVICE float element(const Elementwise& p, const Pointers& at, Index i) {
  float x = at.at[1] != nullptr ? load<T>(at.at[1], i) * p.scale + p.shift : p.shift;
  if (at.at[2] != nullptr || at.at[3] != nullptr) {
    const Place here = place(i, p.channels, p.area, p.channels_last);
    if (at.at[2] != nullptr) {
      x *= load<T>(at.at[2], p.factor_per_image ? here.image * p.channels + here.channel : here.channel);
    }
    if (at.at[3] != nullptr) x += load<T>(at.at[3], here.channel);
  }
  return finished<T>(p.post_ops, at, i, x);
}

/// Calls tap(source element, kernel element) for each place of a window that lies within the image; how many.
template <typename Tap>
NASLAT_DEVICE Index over_window(const Windows& w, Index i, const Tap& tap) {
  const Place here = place(i, w.channels, w.out_height * w.out_width, w.channels_last);
  const int top = static_cast<int>(here.position / w.out_width * w.stride) - static_cast<int>(w.padding);
  const int left = static_cast<int>(here.position % w.out_width * w.stride) - static_cast<int>(w.padding);
  Index count = 0;
  for (int ky = 0; ky < static_cast<int>(w.kernel); ++ky) {
    const int y = top + ky;
    if (y < 0 || y >= static_cast<int>(w.in_height)) continue;
    for (int kx = 0; kx < static_cast<int>(w.kernel); ++kx) {
      const int x = left + kx;
      if (x < 0 || x >= static_cast<int>(w.in_width)) continue;
      const Place there{here.image, here.channel, static_cast<Index>(y) * w.in_width + static_cast<Index>(x)};
      tap(address(there, w.channels, w.in_height * w.in_width, w.channels_last),
          static_cast<Index>(ky) * w.kernel + static_cast<Index>(kx), here.channel);
      ++count;
    }
  }
  return count;
}

template <typename T>
NASLAT_DEVICE float element(const AveragePooling& p, const Pointers& at, Index i) {
  float sum = 0;
  const Index count = over_window(p.windows, i, [&](Index source, Index, Index) { sum += load<T>(at.at[1], source); });
  return finished<T>(p.post_ops, at, i, sum / static_cast<float>(count));
}

template <typename T>
NASLAT_DEVICE float element(const DepthwiseConvolution& p, const Pointers& at, Index i) {
  const Windows& w = p.windows;
  float sum = 0;
  over_window(w, i, [&](Index source, Index tap, Index channel) {
    const Index weight = w.channels_last ? tap * w.channels + channel : channel * w.kernel * w.kernel + tap;
    sum += load<T>(at.at[1], source) * load<T>(at.at[2], weight);
  });
  if (at.at[3] != nullptr) {
    sum += load<T>(at.at[3], place(i, w.channels, w.out_height * w.out_width, w.channels_last).channel);
  }
  return finished<T>(p.post_ops, at, i, sum);
}

template <typename T>
NASLAT_DEVICE float element(const Shuffling& p, const Pointers& at, Index i) {
  Place from = place(i, p.channels, p.area, p.channels_last);
  from.channel = from.channel % p.groups * (p.channels / p.groups) + from.channel / p.groups;
  return load<T>(at.at[1], address(from, p.channels, p.area, p.channels_last));
}

template <typename T>
NASLAT_DEVICE float element(const Embedding& p, const Pointers& at, Index i) {
  const Index feature = i % p.width, token = i / p.width % p.tokens, sequence = i / p.width / p.tokens / p.repeats;
  const auto row = static_cast<Index>(
      static_cast<const std::int32_t*>(at.at[1])[sequence * p.sequence_tokens + p.first_token + token]);
  return p.scale * load<T>(at.at[2], row * p.table_width + feature) + load<T>(at.at[3], token * p.width + feature);
}

template <typename T>
NASLAT_DEVICE float element(const Copying& p, const Pointers& at, Index i) {
  const Index feature = i % p.features, token = i / p.features % p.tokens, sequence = i / p.features / p.tokens;
  return load<T>(at.at[1], sequence / p.repeats * p.src.sequence + token * p.src.token + feature);
}

template <typename T>
NASLAT_DEVICE float element(const Concatenation& p, const Pointers& at, Index i) {
  const Index feature = i % p.features, token = i / p.features % p.tokens, sequence = i / p.features / p.tokens;
  if (token < p.first_tokens) return load<T>(at.at[1], sequence * p.first.sequence + token * p.first.token + feature);
  return load<T>(at.at[2], sequence * p.second.sequence + (token - p.first_tokens) * p.second.token + feature);
}

template <typename T>
NASLAT_DEVICE float element(const Context& p, const Pointers& at, Index i) {
  const Index width = p.heads * p.head_width, feature = i % width;
  const Index token = i / width % p.tokens, sequence = i / width / p.tokens;
  const Index row = ((sequence * p.heads + feature / p.head_width) * p.tokens + token) * p.length;
  float sum = 0;
  for (Index l = 0; l < p.length; ++l) {
    sum += load<T>(at.at[1], row + l) * load<T>(at.at[2], sequence * p.values.sequence + l * p.values.token + feature);
  }
  return sum;
}

// ---- one row, shared by `lanes`: each takes every lanes.count()-th item; lanes.sum and lanes.largest join what they
// have. store(i, x) writes element i of the destination; of a row's single result, one lane's store counts.

template <typename T, typename Lanes, typename Store>
NASLAT_DEVICE void row(const GlobalPooling& p, const Pointers& at, Index r, const Lanes& lanes, const Store& store) {
  float sum = 0;
  for (Index i = lanes.first(); i < p.area; i += lanes.count()) {
    sum += load<T>(at.at[1], address({r / p.channels, r % p.channels, i}, p.channels, p.area, p.channels_last));
  }
  sum = lanes.sum(sum);
  if (lanes.first() == 0) store(r, finished<T>(p.post_ops, at, r, sum / static_cast<float>(p.area)));
}

template <typename T, typename Lanes, typename Store>
NASLAT_DEVICE void row(const Normalisation& p, const Pointers& at, Index r, const Lanes& lanes, const Store& store) {
  const Index start = r * p.features;
  const auto features = static_cast<float>(p.features);
  float mean = 0, variance = 0;
  for (Index f = lanes.first(); f < p.features; f += lanes.count()) mean += load<T>(at.at[1], start + f);
  mean = lanes.sum(mean) / features;
  for (Index f = lanes.first(); f < p.features; f += lanes.count()) {
    const float difference = load<T>(at.at[1], start + f) - mean;
    variance += difference * difference;
  }
  const float scale = 1 / sqrtf(lanes.sum(variance) / features + p.epsilon);
  for (Index f = lanes.first(); f < p.features; f += lanes.count()) {
    store(start + f, (load<T>(at.at[1], start + f) - mean) * scale * load<T>(at.at[2], f) + load<T>(at.at[3], f));
  }
}

template <typename T, typename Lanes, typename Store>
NASLAT_DEVICE void row(const SoftmaxRows& p, const Pointers& at, Index r, const Lanes& lanes, const Store& store) {
  const Index start = r * p.length;
  float largest = -INFINITY, sum = 0;
  for (Index i = lanes.first(); i < p.length; i += lanes.count()) {
    largest = fmaxf(largest, load<T>(at.at[1], start + i));
  }
  largest = lanes.largest(largest);
  for (Index i = lanes.first(); i < p.length; i += lanes.count()) sum += expf(load<T>(at.at[1], start + i) - largest);
  sum = lanes.sum(sum);
  for (Index i = lanes.first(); i < p.length; i += lanes.count()) {
    store(start + i, expf(load<T>(at.at[1], start + i) - largest) / sum);
  }
}

template <typename T, typename Lanes, typename Store>
NASLAT_DEVICE void row(const Scores& p, const Pointers& at, Index r, const Lanes& lanes, const Store& store) {
  const Index key = r % p.length, token = r / p.length % p.tokens;
  const Index head = r / p.length / p.tokens % p.heads, sequence = r / p.length / p.tokens / p.heads;
  const Index q = sequence * p.queries.sequence + token * p.queries.token + head * p.head_width;
  const Index k = sequence * p.keys.sequence + key * p.keys.token + head * p.head_width;
  float sum = 0;
  for (Index i = lanes.first(); i < p.head_width; i += lanes.count()) {
    sum += load<T>(at.at[1], q + i) * load<T>(at.at[2], k + i);
  }
  sum = lanes.sum(sum);
  if (lanes.first() == 0) store(r, sum * p.scale);
}

}  // namespace naslat::cudnn
