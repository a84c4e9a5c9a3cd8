#include "predictor/anp.hpp"

#include "configs/errors.hpp"
#include "predictor/anp_model.hpp"
#include "predictor/episodes.hpp"
#include "predictor/nn/fit.hpp"
#include "predictor/nn/layers.hpp"

namespace naslat {

namespace {

using Parameters = std::shared_ptr<const std::vector<Matrix<float>>>;

/// The process with a device's context read.
class AnpEstimator final : public Estimator {
 public:
  AnpEstimator(Parameters parameters, const Samples& support, const Matrix<float>& targets, TargetScale scale,
               int threads)
      : parameters_(std::move(parameters)), context_y_(targets), scale_(scale), threads_(threads) {
    Tape<float> tape;
    const std::vector<Var> theta = leaves(tape, *parameters_);
    const AttentiveNeuralProcess<float> process(tape, theta);
    const Var x = process.encode(batch_graphs(support.x, kHelpDepth));
    context_x_ = tape.value(x);
    z_ = tape.value(process.latent(process.summary(x, tape.leaf(context_y_)), context_y_.rows()).mean);
  }

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s =
        predict_all(architectures, kHelpDepth, threads_, [this](Tape<float>& tape, const GraphBatch& batch) {
          const std::vector<Var> theta = leaves(tape, *parameters_);
          const AttentiveNeuralProcess<float> process(tape, theta);
          const Var queries = process.encode(batch);
          const Var attended = process.attend(queries, tape.leaf(context_x_), tape.leaf(context_y_));
          return tape.value(process.decode(queries, attended, tape.leaf(z_)).mean);
        });
    for (double& value : latency_s) value = scale_.latency_s(value);
    return latency_s;
  }

 private:
  Parameters parameters_;
  Matrix<float> context_x_, context_y_, z_;
  TargetScale scale_;
  int threads_;
};

class AnpPredictor final : public LatencyPredictor {
 public:
  explicit AnpPredictor(const HelpTraining& training, Parameters parameters = nullptr)
      : training_(training), parameters_(std::move(parameters)) {}

  [[nodiscard]] std::string name() const override { return "anp"; }
  void meta_train(const SourcePool& pool, const TrainingObserver& observe) override;

  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding&, const Samples& support,
                                                 const TargetScale& scale, Rng&) const override {
    const Matrix<float> wanted = column(targets(support, scale, name()));
    if (!parameters_) throw DataError("anp: not meta-trained");
    return std::make_unique<AnpEstimator>(parameters_, support, wanted, scale, training_.threads);
  }

 private:
  HelpTraining training_;
  Parameters parameters_;
};

class AnpTrainer final : public EpisodeTrainer {
 public:
  AnpTrainer(const Encoding& any, const HelpTraining& training)
      : EpisodeTrainer(training, kHelpWidth),
        parameters_(initial_anp_parameters(any.features, !any.adjacency.empty(), rng())),
        best_(parameters_) {}

  [[nodiscard]] const std::vector<Matrix<float>>& best() const { return best_; }

 private:
  [[nodiscard]] double differentiate(Tape<float>& tape, const EpisodeTask& task,
                                     std::vector<Matrix<float>>& sums) const override {
    tape.clear();
    const std::vector<Var> theta = leaves(tape, parameters_);
    const GraphBatch support = batch_graphs(task.support), query = batch_graphs(task.query);
    const AnpLoss loss =
        anp_loss<float>(tape, {support, query, task.support_targets, task.query_targets, task.noise}, theta);
    const auto squared_error = static_cast<double>(tape.scalar(loss.squared_error));
    tape.last_gradients(loss.bound, theta, sums);
    return squared_error;
  }

  [[nodiscard]] std::vector<Matrix<float>*> learned() override {
    std::vector<Matrix<float>*> list;
    for (Matrix<float>& value : parameters_) list.push_back(&value);
    return list;
  }

  [[nodiscard]] std::unique_ptr<LatencyPredictor> predictor() const override {
    return std::make_unique<AnpPredictor>(config(), std::make_shared<const std::vector<Matrix<float>>>(parameters_));
  }
  void keep() override { best_ = parameters_; }

  std::vector<Matrix<float>> parameters_, best_;
};

void AnpPredictor::meta_train(const SourcePool& pool, const TrainingObserver& observe) {
  AnpTrainer trainer(pool.encodings.front(), training_);
  trainer.train(pool, observe);
  parameters_ = std::make_shared<const std::vector<Matrix<float>>>(trainer.best());
}

}  // namespace

std::unique_ptr<LatencyPredictor> make_anp(const HelpTraining& training) {
  return std::make_unique<AnpPredictor>(training);
}

}  // namespace naslat
