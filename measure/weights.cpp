#include "measure/weights.hpp"

#include <cmath>
#include <initializer_list>
#include <string_view>

namespace naslat {

namespace {

/// Draws by counter: SplitMix64 (Steele et al. 2014) from a hash of a name and a shape. Nothing here depends on the
/// platform's mathematics library, and a draw costs about a nanosecond: weights are made while networks are compiled.
class WeightStream {
 public:
  WeightStream(std::string_view name, std::initializer_list<std::int64_t> shape) {
    for (const char c : name) mix(static_cast<unsigned char>(c));
    for (const std::int64_t extent : shape) mix(static_cast<std::uint64_t>(extent));
  }

  /// Mean 0, variance 1, within ±3.5: four 16-bit draws added up, near enough to normal.
  float normal() {
    const std::uint64_t bits = next();
    const auto sum =
        static_cast<std::int64_t>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    constexpr float kInverseDeviation = 2.6429203e-5F;  // 1 / sqrt(4 · (2^32 - 1) / 12)
    return static_cast<float>(sum - 2 * 0xffff) * kInverseDeviation;
  }

  float uniform(float low, float high) { return low + (high - low) * static_cast<float>(next() >> 40) * 0x1p-24F; }

 private:
  void mix(std::uint64_t word) { state_ = (state_ ^ word) * 0x100000001b3ULL; }
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

/// MBConv blocks lose signal in two activations and in squeeze-excite; without this the output of a MobileNetV3 would
/// change by 4e-4 with another image, and a comparison of outputs would see little of its first layers.
constexpr double kDepthwiseGain = 1.6;

std::vector<float> normals(WeightStream stream, std::int64_t count, double deviation) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = stream.normal() * static_cast<float>(deviation);
  return values;
}

/// Scale and shift of the batch norm folded into a convolution, per channel.
struct FoldedScale {
  std::vector<float> scale, shift;
};
FoldedScale folded_scale(const Convolution& conv) {
  BatchNormWeights norm = batch_norm_weights(conv.folded_batch_norm, conv.out_channels);
  for (std::size_t c = 0; c < norm.scale.size(); ++c) {
    norm.scale[c] = static_cast<float>(norm.scale[c] / std::sqrt(norm.variance[c] + conv.folded_epsilon));
    norm.shift[c] -= norm.mean[c] * norm.scale[c];
  }
  return {std::move(norm.scale), std::move(norm.shift)};
}

}  // namespace

std::vector<float> convolution_kernel(const Network& network, const Layer& layer) {
  const auto& conv = std::get<Convolution>(layer.op);
  const std::int64_t in_channels = network.tensors.at(layer.inputs.at(0)).channels() / conv.groups;
  const std::int64_t fan_in = in_channels * conv.kernel * conv.kernel;
  const WeightStream stream(layer.weights_name(), {conv.out_channels, in_channels, conv.kernel, conv.kernel});
  const bool depthwise = conv.groups > 1 && in_channels == 1;
  const double gain = depthwise ? kDepthwiseGain : 1;
  std::vector<float> kernel =
      normals(stream, conv.out_channels * fan_in, gain / std::sqrt(static_cast<double>(fan_in)));
  if (!conv.folded_batch_norm.empty()) {
    const FoldedScale folded = folded_scale(conv);
    for (std::size_t i = 0; i < kernel.size(); ++i) kernel[i] *= folded.scale[i / static_cast<std::size_t>(fan_in)];
  }
  return kernel;
}

std::vector<float> convolution_bias(const Network&, const Layer& layer) {
  const auto& conv = std::get<Convolution>(layer.op);
  std::vector<float> bias(static_cast<std::size_t>(conv.out_channels));
  if (conv.bias)
    bias = normals(WeightStream(layer.weights_name() + ".bias", {conv.out_channels}), conv.out_channels, 0.1);
  if (!conv.folded_batch_norm.empty()) {
    const FoldedScale folded = folded_scale(conv);
    for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * folded.scale[c] + folded.shift[c];
  }
  return bias;
}

BatchNormWeights batch_norm_weights(const std::string& layer_name, std::int64_t channels) {
  WeightStream stream(layer_name, {channels});
  BatchNormWeights weights;
  for (std::int64_t c = 0; c < channels; ++c) {
    weights.scale.push_back(stream.uniform(0.8F, 1.2F));
    weights.shift.push_back(0.1F * stream.normal());
    weights.mean.push_back(0.1F * stream.normal());
    weights.variance.push_back(stream.uniform(0.5F, 1.5F));
  }
  return weights;
}

LayerNormWeights layer_norm_weights(const std::string& weights_name, std::int64_t features) {
  WeightStream stream(weights_name, {features});
  LayerNormWeights weights;
  for (std::int64_t f = 0; f < features; ++f) {
    weights.scale.push_back(stream.uniform(0.8F, 1.2F));
    weights.shift.push_back(0.1F * stream.normal());
  }
  return weights;
}

std::vector<float> embedding_table(const std::string& table, std::int64_t vocabulary, std::int64_t width) {
  return normals(WeightStream(table, {vocabulary, width}), vocabulary * width,
                 1 / std::sqrt(static_cast<double>(width)));
}

std::vector<float> position_encoding(std::int64_t token, std::int64_t width, std::int64_t table_width) {
  constexpr double kSlowest = 10000, kFirstRow = 2;
  const std::int64_t half = table_width / 2;
  std::vector<float> encoding;
  for (std::int64_t column = 0; column < width; ++column) {
    const double exponent = static_cast<double>(column % half) / static_cast<double>(half - 1);
    const double angle = (kFirstRow + static_cast<double>(token)) * std::pow(kSlowest, -exponent);
    encoding.push_back(static_cast<float>(column < half ? std::sin(angle) : std::cos(angle)));
  }
  return encoding;
}

std::vector<float> position_encodings(const TokenEmbedding& embedding) {
  std::vector<float> rows;
  for (std::int64_t t = embedding.first_token; t < embedding.first_token + embedding.tokens; ++t) {
    const std::vector<float> row = position_encoding(t, embedding.width, embedding.table_width);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

std::vector<float> linear_kernel(const Network& network, const Layer& layer) {
  const auto& linear = std::get<Linear>(layer.op);
  const std::int64_t in_features = linear_in_features(network.tensors.at(layer.inputs.at(0)));
  if (!linear.tied_to.empty()) {
    const std::vector<float> table = embedding_table(linear.tied_to, linear.out_features, linear.table_width);
    std::vector<float> kernel;
    kernel.reserve(static_cast<std::size_t>(linear.out_features * in_features));
    for (auto row = table.begin(); row != table.end(); row += linear.table_width) {
      kernel.insert(kernel.end(), row, row + in_features);
    }
    return kernel;
  }
  return normals(WeightStream(layer.weights_name(), {linear.out_features, in_features}),
                 linear.out_features * in_features, 1 / std::sqrt(static_cast<double>(in_features)));
}

std::vector<float> linear_bias(const Network&, const Layer& layer) {
  const auto& linear = std::get<Linear>(layer.op);
  if (!linear.bias) return std::vector<float>(static_cast<std::size_t>(linear.out_features));
  return normals(WeightStream(layer.weights_name() + ".bias", {linear.out_features}), linear.out_features, 0.1);
}

std::vector<float> network_input(const Network& network) {
  const Shape& shape = network.tensors.at(network.input);
  for (const Layer& layer : network.layers) {
    const auto* const embedding = std::get_if<TokenEmbedding>(&layer.op);
    if (embedding == nullptr) continue;
    WeightStream stream("tokens", {});
    std::vector<float> tokens;
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      tokens.push_back(std::floor(stream.uniform(0, static_cast<float>(embedding->vocabulary))));
    }
    return tokens;
  }
  return normals(WeightStream("input", {}), shape.elements(), 1);
}

}  // namespace naslat
