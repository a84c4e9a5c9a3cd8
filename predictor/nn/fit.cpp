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

constexpr std::size_t kChunk = 264;  // architectures predicted at once: what fits the caches, in whole tiles

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

/// Graphs whose last operations have the same colours follow each other, so that a batch of them shares rows: a fifth
/// fewer in NAS-Bench-201 than from the first operation on. Output and global node, which come after them, differ in
/// almost all graphs. Flat architectures stay in their order.
std::vector<const ColouredGraph*> alike_together(std::span<const ColouredGraph> graphs) {
  std::vector<std::pair<std::uint64_t, const ColouredGraph*>> keyed;
  keyed.reserve(graphs.size());
  for (const ColouredGraph& graph : graphs) {
    const std::size_t operations = graph.colours.empty() || graph.nodes() < 3 ? 0 : graph.nodes() - 2;
    const std::size_t bits = std::clamp(64 / std::max(operations, std::size_t{1}), std::size_t{1}, std::size_t{16});
    std::uint64_t key = 0;  // some bits of each one's first colour
    for (std::size_t i = operations; i-- > 0;) key = key << bits | graph.colours[i] >> (64 - bits);
    keyed.emplace_back(key, &graph);
  }
  std::ranges::sort(keyed);
  std::vector<const ColouredGraph*> order;
  for (const auto& [key, graph] : keyed) order.push_back(graph);
  return order;
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
  const auto in_chunks = [&](const auto& work) {
    parallel_for((x.size() + kChunk - 1) / kChunk, threads, [&](std::size_t worker, std::size_t chunk) {
      work(worker, chunk * kChunk, std::min(kChunk, x.size() - chunk * kChunk));
    });
  };
  in_chunks([&](std::size_t, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      graphs[i] = coloured(x[i], depth, i > first ? &graphs[i - 1] : nullptr);
    }
  });
  const std::vector<const ColouredGraph*> order = alike_together(graphs);

  std::vector<double> targets(x.size());
  std::vector<Tape<float>> tapes(static_cast<std::size_t>(threads));
  in_chunks([&](std::size_t worker, std::size_t first, std::size_t count) {
    const std::span part = std::span(order).subspan(first, count);
    tapes[worker].clear();
    const Matrix<float> y = predict(tapes[worker], batch_graphs(part));
    for (std::size_t i = 0; i < part.size(); ++i) {
      targets[static_cast<std::size_t>(part[i]->encoding - x.data())] = y(static_cast<Eigen::Index>(i), 0);
    }
  });
  return targets;
}

}  // namespace naslat
