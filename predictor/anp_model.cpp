#include "predictor/anp_model.hpp"

#include <cmath>

#include "predictor/nn/layers.hpp"

namespace naslat {

namespace {

constexpr int kHeads = 4;
constexpr Eigen::Index kHeadWidth = kHelpWidth / kHeads;
constexpr double kLeastDeviation = 0.1;  // of z and of targets, as in the code its authors released
constexpr double kTargetMean = 0.5,
                 kTargetDeviation = 0.25;  // about those of targets even over 0.05…0.95 (TargetScale)
constexpr std::size_t kPairs = 6, kAttention = 8, kSummaries = 6, kLatent = 4, kDecoder = 6;  // weights and biases

/// Columns of all side by side.
template <typename T>
Var join(Tape<T>& tape, std::initializer_list<Var> parts) {
  Eigen::Index total = 0, first = 0;
  for (const Var part : parts) total += tape.value(part).cols();
  Var joined{};
  for (const Var part : parts) {
    const Var padded = tape.pad_columns(part, first, total);
    joined = first == 0 ? padded : tape.add(joined, padded);
    first += tape.value(part).cols();
  }
  return joined;
}

/// Targets as networks like their inputs: of mean zero and deviation one.
template <typename T>
Var standardised(Tape<T>& tape, Var y) {
  const Var mean = tape.filled(tape.value(y).rows(), 1, T(kTargetMean));
  return tape.scale(tape.subtract(y, mean), T(1 / kTargetDeviation));
}

/// 0.1 + 0.9·x: deviations never vanish.
template <typename T>
Var kept_from_zero(Tape<T>& tape, Var x) {
  const Var floor = tape.filled(tape.value(x).rows(), tape.value(x).cols(), T(kLeastDeviation));
  return tape.add(floor, tape.scale(x, T(1 - kLeastDeviation)));
}

/// -log p(y) summed over the entries, without its constant.
template <typename T>
Var surprise(Tape<T>& tape, const Normals& p, Var y) {
  const Var off = tape.multiply(tape.subtract(y, p.mean), tape.reciprocal(p.deviation));
  return tape.sum(tape.add(tape.log(p.deviation), tape.multiply(off, off, T(0.5))));
}

}  // namespace

template <typename T>
Var divergence(Tape<T>& tape, const Normals& p, const Normals& q) {
  const Var narrowing = tape.reciprocal(q.deviation);
  const Var ratio = tape.multiply(p.deviation, narrowing);
  const Var shift = tape.multiply(tape.subtract(p.mean, q.mean), narrowing);
  const Var squares = tape.add(tape.multiply(ratio, ratio, T(0.5)), tape.multiply(shift, shift, T(0.5)));
  const Var half = tape.filled(tape.value(ratio).rows(), tape.value(ratio).cols(), T(0.5));
  return tape.sum(tape.subtract(tape.subtract(squares, half), tape.log(ratio)));
}

std::vector<Matrix<float>> initial_anp_parameters(int features, bool graph, Rng& rng) {
  constexpr int kWidth = kHelpWidth;
  std::vector<Matrix<float>> list;
  for (const NamedMatrix& parameter : initial_encoder(features, graph, rng)) list.push_back(in_by_out(parameter));
  const auto perceptron = [&](std::initializer_list<int> widths) {
    for (const int* in = widths.begin(); in + 1 != widths.end(); ++in) {
      const double half_width = 1 / std::sqrt(*in);
      list.emplace_back(uniform(in[1], in[0], half_width, rng).transpose());
      list.push_back(uniform(1, in[1], half_width, rng));
    }
  };
  perceptron({kWidth + 1, kWidth, kWidth, kWidth});          // pairs
  for (int i = 0; i < 4; ++i) perceptron({kWidth, kWidth});  // attention: queries, keys, values, output
  perceptron({kWidth + 1, kWidth, kWidth, kWidth});          // summaries
  perceptron({kWidth, kWidth, 2 * kWidth});                  // latent
  perceptron({3 * kWidth, kWidth, kWidth, 2});               // decoder
  return list;
}

template <typename T>
AttentiveNeuralProcess<T>::AttentiveNeuralProcess(Tape<T>& tape, std::span<const Var> theta) : tape_(tape) {
  const auto take = [&theta](std::size_t count) {
    const auto part = theta.first(count);
    theta = theta.subspan(count);
    return part;
  };
  encoder_ = take(theta.size() - kPairs - kAttention - kSummaries - kLatent - kDecoder);
  pairs_ = take(kPairs);
  attention_ = take(kAttention);
  summaries_ = take(kSummaries);
  latent_ = take(kLatent);
  decoder_ = take(kDecoder);
}

template <typename T>
Var AttentiveNeuralProcess<T>::encode(const GraphBatch& batch) const {
  return encode_architectures(tape_, batch, encoder_);
}

template <typename T>
Var AttentiveNeuralProcess<T>::summary(Var x, Var y) const {
  return tape_.column_sums(perceptron(tape_, join(tape_, {x, standardised(tape_, y)}), summaries_));
}

template <typename T>
Normals AttentiveNeuralProcess<T>::latent(Var pairs, Eigen::Index count) const {
  const Var both = perceptron(tape_, tape_.scale(pairs, T(1) / static_cast<T>(count)), latent_);
  return {tape_.columns(both, 0, kHelpWidth),
          kept_from_zero(tape_, tape_.sigmoid(tape_.columns(both, kHelpWidth, kHelpWidth)))};
}

template <typename T>
Var AttentiveNeuralProcess<T>::attend(Var queries, Var context_x, Var context_y) const {
  const auto project = [&](Var x, std::size_t i) { return tape_.linear(x, attention_[2 * i], attention_[2 * i + 1]); };
  const Var q = project(queries, 0), k = project(context_x, 1);
  const Var v = project(perceptron(tape_, join(tape_, {context_x, standardised(tape_, context_y)}), pairs_), 2);
  const T sharpness = T(1) / std::sqrt(static_cast<T>(kHeadWidth));
  Var found{};
  for (int head = 0; head < kHeads; ++head) {
    const auto part = [&](Var x) { return tape_.columns(x, head * kHeadWidth, kHeadWidth); };
    const Var weights = tape_.softmax(tape_.scale(tape_.matmul(part(q), part(k), false, true), sharpness));
    const Var of_head = tape_.pad_columns(tape_.matmul(weights, part(v)), head * kHeadWidth, kHelpWidth);
    found = head == 0 ? of_head : tape_.add(found, of_head);
  }
  return project(found, 3);
}

template <typename T>
Normals AttentiveNeuralProcess<T>::decode(Var queries, Var attended, Var z) const {
  const Var everywhere = tape_.repeat_row(z, tape_.value(queries).rows());
  const Var both = perceptron(tape_, join(tape_, {queries, attended, everywhere}), decoder_);
  return {tape_.columns(both, 0, 1), kept_from_zero(tape_, tape_.softplus(tape_.columns(both, 1, 1)))};
}

template <typename T>
AnpLoss anp_loss(Tape<T>& tape, const AnpTask<T>& task, std::span<const Var> theta) {
  const AttentiveNeuralProcess<T> process(tape, theta);
  const Var context = process.encode(task.context), queries = process.encode(task.query);
  const Var context_y = tape.leaf(task.context_targets), query_y = tape.leaf(task.query_targets);
  const Eigen::Index known = task.context_targets.rows(), asked = task.query_targets.rows();

  const Var summary = process.summary(context, context_y);
  const Normals prior = process.latent(summary, known);
  const Normals posterior = process.latent(tape.add(summary, process.summary(queries, query_y)), known + asked);
  const Var z = tape.add(posterior.mean, tape.multiply(posterior.deviation, tape.leaf(task.noise)));
  const Normals predicted = process.decode(queries, process.attend(queries, context, context_y), z);
  const Var bound = tape.add(surprise(tape, predicted, query_y), divergence(tape, posterior, prior));
  return {tape.scale(bound, T(1) / static_cast<T>(asked)), mean_squared_error(tape, predicted.mean, query_y)};
}

template class AttentiveNeuralProcess<float>;
template class AttentiveNeuralProcess<double>;
template Var divergence(Tape<float>&, const Normals&, const Normals&);
template Var divergence(Tape<double>&, const Normals&, const Normals&);
template AnpLoss anp_loss(Tape<float>&, const AnpTask<float>&, std::span<const Var>);
template AnpLoss anp_loss(Tape<double>&, const AnpTask<double>&, std::span<const Var>);

}  // namespace naslat
