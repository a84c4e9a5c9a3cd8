#include "predictor/nn/fit.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "configs/interrupt.hpp"
#include "predictor/help_model.hpp"
#include "predictor/nn/layers.hpp"
#include "predictor/parallel.hpp"

namespace naslat {

namespace {

constexpr std::size_t kChunk = 250;  // architectures predicted at once: what fits the caches

/// The batches of one pass over all samples.
std::vector<std::vector<std::size_t>> draw_batches(std::size_t samples, std::size_t batch, Rng& rng) {
  std::vector<std::size_t> order(samples);
  std::iota(order.begin(), order.end(), std::size_t{0});
  rng.shuffle(order);
  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t first = 0; first < samples; first += batch) {
    const std::size_t last = std::min(first + batch, samples);
    batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(first),
                         order.begin() + static_cast<std::ptrdiff_t>(last));
  }
  return batches;
}

}  // namespace

void fit(std::vector<Matrix<float>>& parameters, const Forward& forward, std::span<const Encoding> x,
         std::span<const double> targets, int depth, const FitConfig& config, Rng& rng) {
  std::vector<Matrix<float>*> learned;
  for (Matrix<float>& value : parameters) learned.push_back(&value);
  Adam adam(config.rate);
  std::vector<ColouredGraph> graphs;
  for (const Encoding& encoding : x) graphs.push_back(coloured(encoding, depth));
  Tape<float> tape;
  std::vector<Matrix<float>> gradients;
  for (int step = 0; step < config.steps;) {
    for (const auto& batch : draw_batches(x.size(), config.batch == 0 ? x.size() : config.batch, rng)) {
      if (step == config.steps) break;
      if (interrupted()) throw Interrupted{};
      std::vector<const ColouredGraph*> drawn;
      Matrix<float> wanted(static_cast<Eigen::Index>(batch.size()), 1);
      for (std::size_t i = 0; i < batch.size(); ++i) {
        drawn.push_back(&graphs[batch[i]]);
        wanted(static_cast<Eigen::Index>(i), 0) = static_cast<float>(targets[batch[i]]);
      }
      tape.clear();
      const std::vector<Var> vars = leaves(tape, parameters);
      const Var predicted = forward(tape, batch_graphs(drawn), vars);
      const Var loss = mean_squared_error(tape, predicted, tape.leaf(wanted));
      adam.set_rate(config.rate * 0.5 * (1 + std::cos(std::numbers::pi * step / config.steps)));
      for (Matrix<float>& gradient : gradients) gradient.setZero();
      tape.last_gradients(loss, vars, gradients);
      adam.step(learned, gradients);
      ++step;
    }
  }
}

std::vector<double> predict_all(std::span<const Encoding> x, int depth, int threads, const PredictBatch& predict) {
  std::vector<ColouredGraph> graphs(x.size());
  parallel_for(x.size(), threads, [&](std::size_t, std::size_t i) { graphs[i] = coloured(x[i], depth); });
  std::vector<const ColouredGraph*> order;
  for (const ColouredGraph& graph : graphs) order.push_back(&graph);
  std::ranges::sort(order, [](const auto* a, const auto* b) { return a->colours < b->colours; });  // equal rows meet

  std::vector<double> targets(x.size());
  std::vector<Tape<float>> tapes(static_cast<std::size_t>(threads));
  parallel_for((x.size() + kChunk - 1) / kChunk, threads, [&](std::size_t worker, std::size_t chunk) {
    const std::span part = std::span(order).subspan(chunk * kChunk, std::min(kChunk, x.size() - chunk * kChunk));
    tapes[worker].clear();
    const Matrix<float> y = predict(tapes[worker], batch_graphs(part));
    for (std::size_t i = 0; i < part.size(); ++i) {
      targets[static_cast<std::size_t>(part[i]->encoding - x.data())] = y(static_cast<Eigen::Index>(i), 0);
    }
  });
  return targets;
}

}  // namespace naslat
