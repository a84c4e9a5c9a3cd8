#include "predictor/anp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "predictor/anp_model.hpp"
#include "predictor/nn/layers.hpp"
#include "tests/predictor/made_up_devices.hpp"

namespace naslat {
namespace {

using Real = Matrix<double>;

Real real_column(std::initializer_list<double> values) {
  Real column(static_cast<Eigen::Index>(values.size()), 1);
  std::copy(values.begin(), values.end(), column.data());
  return column;
}

TEST(AnpModel, DivergenceIsThatOfNormalDistributions) {
  Tape<double> tape;
  const auto normals = [&](double mean, double deviation) {
    return Normals{tape.filled(1, 2, mean), tape.filled(1, 2, deviation)};
  };
  const auto kl = [&](const Normals& p, const Normals& q) { return tape.scalar(divergence(tape, p, q)); };
  EXPECT_NEAR(kl(normals(3, 0.5), normals(3, 0.5)), 0, 1e-15);
  EXPECT_NEAR(kl(normals(1, 2), normals(0, 1)), 2 * (-std::log(2.0) + (4 + 1 - 1) / 2.0), 1e-12);
  EXPECT_NEAR(kl(normals(0, 1), normals(1, 2)), 2 * (std::log(2.0) + (1 + 1) / 8.0 - 0.5), 1e-12);
}

/// Three times the initial weights: through those, signals fade from layer to layer.
std::vector<Matrix<float>> lively_parameters(Rng& rng) {
  std::vector<Matrix<float>> parameters = initial_anp_parameters(8, true, rng);
  for (Matrix<float>& p : parameters) p *= 3;
  return parameters;
}

/// The whole bound, through encoder, both paths and decoder, by a few entries of every parameter.
TEST(AnpModel, GradientsOfTheBoundMatchCentralDifferences) {
  constexpr double kStep = 1e-5;
  const test::MadeUpDevices data(30);
  const std::span<const Encoding> encodings(data.encodings);
  const GraphBatch context = batch_graphs(encodings.first(4), kHelpDepth),
                   query = batch_graphs(encodings.subspan(10, 3), kHelpDepth);
  Rng rng(4);
  const AnpTask<double> task{context, query, real_column({0.1, 0.9, 0.4, 0.3}), real_column({0.2, 0.5, 0.8}),
                             normal_row(kHelpWidth, rng).cast<double>()};
  std::vector<Real> parameters;
  for (const Matrix<float>& p : lively_parameters(rng)) parameters.emplace_back(p.cast<double>());

  Tape<double> tape;
  const auto bound = [&] {
    tape.clear();
    std::vector<Var> theta;
    for (const Real& p : parameters) theta.push_back(tape.leaf(p));
    return std::pair(anp_loss(tape, task, theta).bound, theta);
  };
  const auto [loss, theta] = bound();
  std::vector<Real> gradients;
  for (const Var gradient : tape.gradients(loss, theta)) gradients.push_back(tape.value(gradient));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_GT(gradients[i].norm(), 0) << i;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const auto e = static_cast<Eigen::Index>(rng.below(static_cast<std::uint64_t>(parameters[i].size())));
      double& x = parameters[i].data()[e];
      const double at = x;
      x = at + kStep;
      const double above = tape.scalar(bound().first);
      x = at - kStep;
      const double below = tape.scalar(bound().first);
      x = at;
      const double difference = (above - below) / (2 * kStep);
      EXPECT_NEAR(gradients[i].data()[e], difference, 1e-5 * std::max(1.0, std::abs(difference))) << i << ", " << e;
    }
  }
}

/// A context is a set of pairs: their order tells nothing, which target belongs to which architecture does.
TEST(AnpModel, AttentionIgnoresTheOrderOfTheContext) {
  Rng rng(5);
  const std::vector<Matrix<float>> parameters = lively_parameters(rng);
  Tape<float> tape;
  const std::vector<Var> theta = leaves(tape, parameters);
  const AttentiveNeuralProcess<float> process(tape, theta);
  const test::MadeUpDevices data(30);
  std::vector<Encoding> context(data.encodings.begin(), data.encodings.begin() + 5);
  std::vector<double> y = {0.1, 0.2, 0.3, 0.4, 0.5};
  const Var queries = process.encode(batch_graphs(std::span<const Encoding>(data.encodings).subspan(8, 6), kHelpDepth));
  const auto predict = [&] {
    const Var x = process.encode(batch_graphs(context, kHelpDepth)), known = tape.leaf(column(y));
    const Var z = process.latent(process.summary(x, known), 5).mean;
    return tape.value(process.decode(queries, process.attend(queries, x, known), z).mean);
  };
  const Matrix<float> forwards = predict();
  std::ranges::reverse(context);
  const Matrix<float> mismatched = predict();
  std::ranges::reverse(y);
  const auto change = [&](const Matrix<float>& other) { return (other - forwards).norm() / forwards.norm(); };
  EXPECT_LT(change(predict()), 1e-5F);
  EXPECT_GT(change(mismatched), 1e-3F);
}

}  // namespace
}  // namespace naslat
