#include "predictor/help_model.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "predictor/nn/layers.hpp"

namespace naslat {

namespace {

constexpr double kModulation = 0.01;  // released code: weights·(1 + 0.01 z), biases + 0.01 z
constexpr float kInitialRate = 1e-3F;
constexpr std::size_t kHeaderLayers = 3, kDeviceParameters = 4;   // the latter weights and biases
constexpr std::size_t kHeaderParameters = 2 * kHeaderLayers + 1;  // the first layer's weight is in two parts
constexpr const char* kJoined = "fc3.weight";                     // of the architecture's inputs, then of the device's

class Initialiser {
 public:
  explicit Initialiser(Rng& rng) : rng_(rng) {}

  /// out×in weight and 1×out bias, both uniform ±1/sqrt(in), as PyTorch's default.
  void linear(const std::string& name, int in, int out) {
    const double half_width = 1 / std::sqrt(in);
    list.push_back({name + ".weight", uniform(out, in, half_width, rng_)});
    list.push_back({name + ".bias", uniform(1, out, half_width, rng_)});
  }
  void graph_convolution(const std::string& name, int in, int out) {
    list.push_back({name + ".weight", uniform(in, out, 0.05, rng_)});
    list.push_back({name + ".bias", uniform(1, out, 1 / std::sqrt(out), rng_)});
  }

  std::vector<NamedMatrix> list;

 private:
  Rng& rng_;
};

bool is_transposed(const NamedMatrix& parameter) {
  return parameter.name.ends_with(".weight") && !parameter.name.starts_with("gc");
}

/// @pre value stays until the tape is cleared
template <typename T>
Var on_tape(Tape<T>& tape, const Matrix<float>& value) {
  if constexpr (std::is_same_v<T, float>) {
    return tape.parameter(value);
  } else {
    return tape.leaf(value.template cast<T>());
  }
}

}  // namespace

std::vector<NamedMatrix> initial_encoder(int features, bool graph, Rng& rng) {
  Initialiser encoder(rng);
  if (graph) {
    encoder.graph_convolution("gc1", features, kHelpWidth);
    for (const char* name : {"gc2", "gc3", "gc4"}) encoder.graph_convolution(name, kHelpWidth, kHelpWidth);
  } else {
    encoder.linear("fc1", features, kHelpWidth);
    encoder.linear("fc2", kHelpWidth, kHelpWidth);
  }
  return std::move(encoder.list);
}

HelpParameters initial_help_parameters(int features, bool graph, Rng& rng) {
  constexpr int kWide = 2 * kHelpWidth;
  Initialiser theta(rng);
  theta.list = initial_encoder(features, graph, rng);
  theta.linear("fc_hw1", kHelpEmbedding, kHelpWidth);
  theta.linear("fc_hw2", kHelpWidth, kHelpWidth);
  theta.linear("fc3", kWide, kWide);
  theta.linear("fc4", kWide, kWide);
  theta.linear("fc5", kWide, 1);
  Initialiser z(rng);
  z.linear("z_encoder.0", kHelpEmbedding, 10);
  z.linear("z_encoder.2", 10, 2 * kHelpModulators);

  HelpParameters parameters{std::move(theta.list), {}, std::move(z.list)};
  for (const NamedMatrix& p : parameters.theta) {
    parameters.rates.push_back({p.name, Matrix<float>::Constant(p.value.rows(), p.value.cols(), kInitialRate)});
  }
  return parameters;
}

Matrix<float> in_by_out(const NamedMatrix& parameter) {
  return is_transposed(parameter) ? Matrix<float>(parameter.value.transpose()) : parameter.value;
}

HelpWeights weights_of(const HelpParameters& parameters) {
  const auto convert = [](const std::vector<NamedMatrix>& group) {
    std::vector<Matrix<float>> weights;
    for (const NamedMatrix& parameter : group) {
      Matrix<float> weight = in_by_out(parameter);
      if (parameter.name == kJoined) {
        weights.emplace_back(weight.topRows(kHelpWidth));
        weights.emplace_back(weight.bottomRows(kHelpWidth));
      } else {
        weights.push_back(std::move(weight));
      }
    }
    return weights;
  };
  return {convert(parameters.theta), convert(parameters.rates), convert(parameters.z)};
}

void store(const HelpWeights& weights, HelpParameters& parameters) {
  const auto convert = [](const std::vector<Matrix<float>>& from, std::vector<NamedMatrix>& group) {
    auto weight = from.begin();
    for (NamedMatrix& parameter : group) {
      if (parameter.name == kJoined) {
        parameter.value.leftCols(kHelpWidth) = (weight++)->transpose();
        parameter.value.rightCols(kHelpWidth) = (weight++)->transpose();
      } else if (is_transposed(parameter)) {
        parameter.value = (weight++)->transpose();
      } else {
        parameter.value = *weight++;
      }
    }
  };
  convert(weights.theta, parameters.theta);
  convert(weights.rates, parameters.rates);
  convert(weights.z, parameters.z);
}

template <typename T>
HelpVars on_tape(Tape<T>& tape, const HelpWeights& weights) {
  HelpVars vars;
  for (const Matrix<float>& weight : weights.theta) vars.theta.push_back(on_tape(tape, weight));
  for (const Matrix<float>& weight : weights.rates) vars.rates.push_back(on_tape(tape, weight));
  for (const Matrix<float>& weight : weights.z) vars.z.push_back(on_tape(tape, weight));
  return vars;
}

template <typename T>
Modulators modulators(Tape<T>& tape, std::span<const Var> z_parameters, Var embedding) {
  const Var both = perceptron(tape, embedding, z_parameters);
  return {tape.columns(both, 0, kHelpModulators), tape.columns(both, kHelpModulators, kHelpModulators)};
}

template <typename T>
Var sample_modulators(Tape<T>& tape, const Modulators& m, Var noise) {
  return tape.add(m.mean, tape.multiply(tape.softplus(m.spread), noise));
}

template <typename T>
Var divergence(Tape<T>& tape, const Modulators& m) {
  const Var deviation = tape.softplus(m.spread);
  const Var squares = tape.add(tape.multiply(deviation, deviation), tape.multiply(m.mean, m.mean));
  const Var ones = tape.filled(1, kHelpModulators, 1);
  const Var terms = tape.subtract(tape.subtract(squares, ones), tape.scale(tape.log(deviation), 2));
  return tape.scale(tape.sum(terms), T(0.5));
}

namespace {

/// As help-predictor.md 2 has it, W∘(1 + 0.01 z) and b + 0.01 z, where z scales a layer's inputs.
struct HeaderLayer {
  Var weight, bias;            // in×out, 1×out
  std::optional<Var> factors;  // of the inputs, 1×in
};

/// For one device: its share of the first layer's inputs is the same for all architectures and part of the bias.
template <typename T>
std::array<HeaderLayer, kHeaderLayers> header_layers(Tape<T>& tape, Var embedding, std::span<const Var> theta,
                                                     std::optional<Var> z) {
  constexpr Eigen::Index kWide = 2 * kHelpWidth;
  const std::span<const Var> parameters = theta.last(kHeaderParameters);
  std::array<HeaderLayer, kHeaderLayers> layers = {
      {{parameters[0], parameters[2], {}}, {parameters[3], parameters[4], {}}, {parameters[5], parameters[6], {}}}};
  Var device = tape.relu(perceptron(tape, embedding, theta.subspan(encoder_of(theta).size(), kDeviceParameters)));
  if (z) {
    const auto factors = [&](Eigen::Index first, Eigen::Index count) {
      return tape.add(tape.filled(1, count, 1), tape.scale(tape.columns(*z, first, count), T(kModulation)));
    };
    layers[0].factors = factors(0, kHelpWidth);
    device = tape.multiply(device, factors(kHelpWidth, kHelpWidth));
    layers[1].factors = factors(kWide, kWide);
    layers[2].factors = factors(2 * kWide, kWide);
    for (std::size_t i = 0; i < kHeaderLayers; ++i) {
      const auto at = static_cast<Eigen::Index>(kHeaderLayers * kWide + i);
      const Var shift = tape.scale(tape.columns(*z, at, 1), T(kModulation));
      layers[i].bias = tape.add(layers[i].bias, tape.repeat(shift, 1, tape.value(layers[i].bias).cols()));
    }
  }
  layers[0].bias = tape.linear(device, parameters[1], layers[0].bias);
  return layers;
}

}  // namespace

std::span<const Var> encoder_of(std::span<const Var> theta) {
  return theta.first(theta.size() - kDeviceParameters - kHeaderParameters);
}

template <typename T>
Var encode_architectures(Tape<T>& tape, const GraphBatch& batch, std::span<const Var> encoder) {
  Var x{};
  for (std::size_t i = 0; i < encoder.size(); i += 2) {
    x = graph_convolution(tape, batch, i / 2, x, encoder[i], encoder[i + 1]);
  }
  return x;
}

template <typename T>
std::vector<Var> header_for(Tape<T>& tape, Var embedding, std::span<const Var> theta, std::optional<Var> z) {
  std::vector<Var> parameters;
  for (const HeaderLayer& layer : header_layers(tape, embedding, theta, z)) {
    Var weight = layer.weight;
    if (layer.factors) {
      const Var ones = tape.filled(1, tape.value(weight).cols(), 1);
      weight = tape.multiply(weight, tape.matmul(*layer.factors, ones, true));
    }
    parameters.insert(parameters.end(), {weight, layer.bias});
  }
  return parameters;
}

template <typename T>
Var help_forward(Tape<T>& tape, const GraphBatch& batch, Var embedding, std::span<const Var> theta,
                 std::optional<Var> z) {
  Var x = encode_architectures(tape, batch, encoder_of(theta));
  const auto layers = header_layers(tape, embedding, theta, z);
  for (std::size_t i = 0; i < layers.size(); ++i) {  // few inputs are scaled in less time than all weights
    if (layers[i].factors) x = tape.multiply_row(x, *layers[i].factors);
    x = tape.linear(x, layers[i].weight, layers[i].bias, i + 1 < layers.size());
  }
  return x;
}

template <typename T>
Var mean_squared_error(Tape<T>& tape, Var predicted, Var wanted) {
  const Var difference = tape.subtract(predicted, wanted);
  return tape.scale(tape.sum(tape.multiply(difference, difference)), T(1) / static_cast<T>(tape.value(wanted).size()));
}

template <typename T>
std::vector<Var> inner_step(Tape<T>& tape, const GraphBatch& support, Var targets, Var embedding,
                            std::span<const Var> theta, std::span<const Var> rates, std::optional<Var> z,
                            std::vector<Var>* gradients, Var* loss) {
  const Var error = mean_squared_error(tape, help_forward(tape, support, embedding, theta, z), targets);
  std::vector<Var> stepped(theta.size());
  const std::vector<Var> slopes = tape.gradients(
      error, theta, [&](std::size_t i, Var slope) { stepped[i] = tape.subtract_product(theta[i], rates[i], slope); });
  if (gradients) *gradients = slopes;
  if (loss) *loss = error;
  return stepped;
}

#define NASLAT_INSTANTIATE(T)                                                                            \
  template HelpVars on_tape(Tape<T>&, const HelpWeights&);                                               \
  template Modulators modulators(Tape<T>&, std::span<const Var>, Var);                                   \
  template Var sample_modulators(Tape<T>&, const Modulators&, Var);                                      \
  template Var divergence(Tape<T>&, const Modulators&);                                                  \
  template Var encode_architectures(Tape<T>&, const GraphBatch&, std::span<const Var>);                  \
  template std::vector<Var> header_for(Tape<T>&, Var, std::span<const Var>, std::optional<Var>);         \
  template Var help_forward(Tape<T>&, const GraphBatch&, Var, std::span<const Var>, std::optional<Var>); \
  template Var mean_squared_error(Tape<T>&, Var, Var);                                                   \
  template std::vector<Var> inner_step(Tape<T>&, const GraphBatch&, Var, Var, std::span<const Var>,      \
                                       std::span<const Var>, std::optional<Var>, std::vector<Var>*, Var*);
NASLAT_INSTANTIATE(float)
NASLAT_INSTANTIATE(double)
#undef NASLAT_INSTANTIATE

}  // namespace naslat
