#include "predictor/from_scratch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "predictor/help_model.hpp"
#include "predictor/nn/fit.hpp"
#include "predictor/nn/layers.hpp"

namespace naslat {

namespace {

/// A fitted network and the scale of its targets.
class FittedEstimator final : public Estimator {
 public:
  FittedEstimator(std::vector<Matrix<float>> parameters, Forward forward, int depth, TargetScale scale)
      : parameters_(std::move(parameters)), forward_(std::move(forward)), depth_(depth), scale_(scale) {}

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s =
        predict_all(architectures, depth_, 1, [&](Tape<float>& tape, const GraphBatch& batch) {
          return tape.value(forward_(tape, batch, leaves(tape, parameters_)));
        });
    for (double& value : latency_s) value = scale_.latency_s(value);
    return latency_s;
  }

 private:
  std::vector<Matrix<float>> parameters_;
  Forward forward_;
  int depth_;
  TargetScale scale_;
};

class Scratch final : public LatencyPredictor {
 public:
  [[nodiscard]] std::string name() const override { return "scratch"; }

  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override {
    const std::vector<double> wanted = targets(support, scale, name());
    const Encoding& any = support.x.front();
    std::vector<Matrix<float>> parameters =
        weights_of(initial_help_parameters(any.features, !any.adjacency.empty(), rng)).theta;
    const Forward forward = [v_h = row(embedding.v)](Tape<float>& tape, const GraphBatch& batch,
                                                     std::span<const Var> theta) {
      return help_forward(tape, batch, tape.leaf(v_h), theta, std::nullopt);
    };
    fit(parameters, forward, support.x, wanted, kHelpDepth, {.steps = 200, .rate = 1e-3}, rng);
    return std::make_unique<FittedEstimator>(std::move(parameters), forward, kHelpDepth, scale);
  }
};

class BrpNas final : public LatencyPredictor {
 public:
  [[nodiscard]] std::string name() const override { return "brp-nas"; }

  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding&, const Samples& support,
                                                 const TargetScale& scale, Rng& rng) const override {
    const std::vector<double> wanted = targets(support, scale, name());
    const Encoding& any = support.x.front();
    std::vector<Matrix<float>> parameters = initial_parameters(any.features, rng);
    const auto passes = static_cast<int>(support.x.size() * kPasses / kBatch);
    const FitConfig config{.steps = std::max(kLeastSteps, passes), .rate = 8e-4, .batch = kBatch};
    fit(parameters, forward, support.x, wanted, kLayers - 1, config, rng);
    return std::make_unique<FittedEstimator>(std::move(parameters), forward, kLayers - 1, scale);
  }

 private:
  static constexpr int kLayers = 4, kWidth = 600, kLeastSteps = 100;
  static constexpr std::size_t kBatch = 64, kPasses = 28;

  /// Weight in×out and bias of each layer, uniform ±1/√in (graph convolutions: of the neighbours' sum).
  static std::vector<Matrix<float>> initial_parameters(int features, Rng& rng) {
    std::vector<Matrix<float>> parameters;
    for (int layer = 0; layer <= kLayers; ++layer) {
      const int in = layer == 0 ? features : kWidth, out = layer == kLayers ? 1 : kWidth;
      parameters.push_back(uniform(in, out, 1 / std::sqrt(in), rng));
      parameters.push_back(uniform(1, out, 1 / std::sqrt(in), rng));
    }
    return parameters;
  }

  static Var forward(Tape<float>& tape, const GraphBatch& batch, std::span<const Var> parameters) {
    Var x{};
    for (int layer = 0; layer < kLayers; ++layer) {
      const auto i = static_cast<std::size_t>(layer);
      x = graph_convolution(tape, batch, i, x, parameters[2 * i], parameters[2 * i + 1]);
    }
    return tape.linear(x, parameters[2 * kLayers], parameters[2 * kLayers + 1]);
  }
};

}  // namespace

std::unique_ptr<LatencyPredictor> make_scratch() { return std::make_unique<Scratch>(); }
std::unique_ptr<LatencyPredictor> make_brp_nas() { return std::make_unique<BrpNas>(); }

}  // namespace naslat
