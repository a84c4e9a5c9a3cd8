#include "predictor/help.hpp"

#include <fmt/format.h>

#include <optional>

#include "configs/errors.hpp"
#include "predictor/episodes.hpp"
#include "predictor/nn/fit.hpp"
#include "predictor/nn/layers.hpp"
#include "predictor/parallel.hpp"

namespace naslat {

namespace {

constexpr int kDraws = 10;  // of z; the adaptation is repeated with each, predictions are averaged

/// What the network sees of a device.
Matrix<float> condition(const HardwareEmbedding& embedding, const HelpDesign& design) {
  const Matrix<float> v_h = row(embedding.v);
  return design.conditioned ? v_h : Matrix<float>::Zero(v_h.rows(), v_h.cols());
}

/// After the inner steps, for one draw of z: theta's encoder, and its header with z and the device folded in.
struct AdaptedModel {
  std::vector<Matrix<float>> encoder, header;
};

AdaptedModel adapt_once(Tape<float>& tape, const HelpWeights& weights, const HelpDesign& design,
                        const GraphBatch& support, const Matrix<float>& targets, const Matrix<float>& embedding,
                        const Matrix<float>& noise) {
  tape.clear();
  const HelpVars vars = on_tape(tape, weights);
  const Var v_h = tape.leaf(embedding), wanted = tape.leaf(targets);
  std::optional<Var> z;
  if (design.modulated) z = sample_modulators(tape, modulators(tape, vars.z, v_h), tape.leaf(noise));
  std::vector<Var> theta = vars.theta;
  for (int step = 0; step < design.inner_steps; ++step) {
    theta = inner_step(tape, support, wanted, v_h, theta, vars.rates, z);
  }
  return {values_of(tape, encoder_of(theta)), values_of(tape, header_for(tape, v_h, theta, z))};
}

class HelpEstimator final : public Estimator {
 public:
  HelpEstimator(std::vector<AdaptedModel> models, TargetScale scale, int threads)
      : models_(std::move(models)), scale_(scale), threads_(threads) {}

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s =
        predict_all(architectures, kHelpDepth, threads_,
                    [this](Tape<float>& tape, const GraphBatch& batch) { return mean_target(tape, batch); });
    for (double& value : latency_s) value = scale_.latency_s(value);
    return latency_s;
  }

 private:
  [[nodiscard]] Matrix<float> mean_target(Tape<float>& tape, const GraphBatch& batch) const {
    Matrix<float> sum = Matrix<float>::Zero(batch.architectures(), 1);
    for (const AdaptedModel& model : models_) {
      tape.clear();
      const Var encoded = encode_architectures(tape, batch, leaves(tape, model.encoder));
      sum += tape.value(perceptron(tape, encoded, leaves(tape, model.header)));
    }
    return sum / static_cast<float>(models_.size());
  }

  std::vector<AdaptedModel> models_;
  TargetScale scale_;
  int threads_;
};

// ---- meta-training

class HelpTrainer final : public EpisodeTrainer {
 public:
  HelpTrainer(const Encoding& any, const HelpTraining& config)
      : EpisodeTrainer(config, kHelpModulators),
        best_(initial_help_parameters(any.features, !any.adjacency.empty(), rng())),
        weights_(weights_of(best_)) {}

  [[nodiscard]] const HelpParameters& best() const { return best_; }

 private:
  /// Gradients of the query loss after adaptation, through the adaptation (second order).
  [[nodiscard]] double differentiate(Tape<float>& tape, const EpisodeTask& task,
                                     std::vector<Matrix<float>>& sums) const override {
    const HelpTraining& training = config();
    tape.clear();
    const HelpVars vars = on_tape(tape, weights_);
    const GraphBatch support = batch_graphs(task.support), query = batch_graphs(task.query);
    const Var v_h = tape.leaf(condition(task.device->embedding, training.design));
    const Var support_targets = tape.leaf(task.support_targets), query_targets = tape.leaf(task.query_targets);
    const Modulators prior = modulators(tape, vars.z, v_h);
    std::optional<Var> z;
    if (training.design.modulated) z = sample_modulators(tape, prior, tape.leaf(task.noise));

    std::vector<Var> theta = vars.theta;
    for (int step = 0; step < training.design.inner_steps; ++step) {
      theta = inner_step(tape, support, support_targets, v_h, theta, vars.rates, z);
    }
    const Var query_loss = mean_squared_error(tape, help_forward(tape, query, v_h, theta, z), query_targets);
    Var loss = query_loss;
    if (z) {
      const auto weight = static_cast<float>(training.divergence_weight);
      loss = tape.add(query_loss, tape.scale(divergence(tape, prior), weight));
    }

    std::vector<Var> wrt = vars.theta;
    if (training.design.learned_rates) wrt.insert(wrt.end(), vars.rates.begin(), vars.rates.end());
    if (training.design.modulated) wrt.insert(wrt.end(), vars.z.begin(), vars.z.end());
    const auto query_value = static_cast<double>(tape.scalar(query_loss));
    tape.last_gradients(loss, wrt, sums);
    return query_value;
  }

  [[nodiscard]] std::vector<Matrix<float>*> learned() override {
    std::vector<Matrix<float>*> list;
    const auto add = [&](std::vector<Matrix<float>>& group) {
      for (Matrix<float>& weight : group) list.push_back(&weight);
    };
    add(weights_.theta);
    if (config().design.learned_rates) add(weights_.rates);
    if (config().design.modulated) add(weights_.z);
    return list;
  }

  [[nodiscard]] std::unique_ptr<LatencyPredictor> predictor() const override {
    HelpParameters now = best_;
    store(weights_, now);
    return std::make_unique<HelpPredictor>(std::make_shared<const HelpParameters>(std::move(now)), config().threads,
                                           config().design);
  }
  void keep() override { store(weights_, best_); }

  HelpParameters best_;
  HelpWeights weights_;
};

}  // namespace

std::unique_ptr<Estimator> HelpPredictor::adapt(const HardwareEmbedding& embedding, const Samples& support,
                                                const TargetScale& scale, Rng& rng) const {
  if (embedding.v.size() != kHelpEmbedding) {
    throw DataError(fmt::format("{}: embedding: got {} values, wanted {}", name_, embedding.v.size(), kHelpEmbedding));
  }
  const Matrix<float> wanted = column(targets(support, scale, name_)), v_h = condition(embedding, training_.design);
  if (!parameters_) throw DataError(fmt::format("{}: not meta-trained, and no checkpoint given", name_));
  const GraphBatch batch = batch_graphs(support.x, kHelpDepth);
  const HelpWeights weights = weights_of(*parameters_);
  std::vector<Matrix<float>> noise;
  for (int draw = 0; draw < (training_.design.modulated ? kDraws : 1); ++draw) {
    noise.push_back(normal_row(kHelpModulators, rng));
  }
  std::vector<AdaptedModel> models(noise.size());
  std::vector<Tape<float>> tapes(static_cast<std::size_t>(training_.threads));
  parallel_for(models.size(), training_.threads, [&](std::size_t worker, std::size_t draw) {
    models[draw] = adapt_once(tapes[worker], weights, training_.design, batch, wanted, v_h, noise[draw]);
  });
  return std::make_unique<HelpEstimator>(std::move(models), scale, training_.threads);
}

MetaTrained meta_train(const SourcePool& pool, const HelpTraining& config, const TrainingObserver& observe) {
  HelpTrainer trainer(pool.encodings.front(), config);
  const EpisodeTrainer::Best best = trainer.train(pool, observe);
  return {trainer.best(), best.episode, best.validation_spearman};
}

void HelpPredictor::meta_train(const SourcePool& pool, const TrainingObserver& observe) {
  parameters_ = std::make_shared<const HelpParameters>(naslat::meta_train(pool, training_, observe).parameters);
}

}  // namespace naslat
