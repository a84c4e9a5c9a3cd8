#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/files.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/help_model.hpp"
#include "predictor/task.hpp"
#include "spaces/search_space.hpp"
#include "tests/test_data.hpp"

namespace naslat {
namespace {

using Json = nlohmann::json;

constexpr double kTolerance = 1e-4;  // relative; the traces are float32

void expect_close(double got, double wanted, const std::string& what) {
  EXPECT_NEAR(got, wanted, kTolerance * std::max(std::abs(wanted), 1e-2)) << what;
}

Matrix<double> column(const Json& values) {
  Matrix<double> matrix(static_cast<Eigen::Index>(values.size()), 1);
  for (std::size_t i = 0; i < values.size(); ++i) matrix(static_cast<Eigen::Index>(i), 0) = values[i].get<double>();
  return matrix;
}

/// A trace of the released code: one device, z at its mean, two inner steps, and the second-order meta-gradient.
class Trace {
 public:
  explicit Trace(const Json& trace) : trace_(trace) {
    const Checkpoint checkpoint =
        read_checkpoint(test_data() / "help" / "data" / "nasbench201" / "checkpoint" / "help_max_corr.pt");
    names_ = checkpoint.parameters.theta;
    vars_ = on_tape(tape_, checkpoint.parameters);
    embedding_ = tape_.leaf(column(trace.at("hardware_embedding")).transpose());
  }

  void check() {
    check_embedding();
    const Modulators prior = modulators(tape_, vars_.z, embedding_);
    expect_close(tape_.scalar(divergence(tape_, prior)), trace_.at("kl"), "kl");
    for (std::size_t i = 0; i < 5; ++i) {
      expect_close(tape_.value(prior.mean)(0, static_cast<Eigen::Index>(i)), trace_.at("z_weights_first5")[i],
                   "z weight");
    }
    for (std::size_t i = 0; i < 3; ++i) {
      expect_close(tape_.value(prior.mean)(0, 600 + static_cast<Eigen::Index>(i)), trace_.at("z_biases")[i], "z bias");
    }
    const GraphBatch support = batch("support"), query = batch("query");
    const Var support_targets = tape_.leaf(column(trace_.at("support_target")));
    expect_predictions(help_forward(tape_, query, embedding_, vars_.theta, std::nullopt),
                       trace_.at("prediction_unmodulated"));

    std::vector<Var> theta = vars_.theta;
    for (std::size_t step = 0; step < 2; ++step) {
      expect_predictions(help_forward(tape_, query, embedding_, theta, prior.mean),
                         trace_.at("prediction_after_step")[step]);
      std::vector<Var> gradients;
      Var loss;
      theta =
          inner_step(tape_, support, support_targets, embedding_, theta, vars_.rates, prior.mean, &gradients, &loss);
      expect_close(tape_.scalar(loss), trace_.at("support_loss_before_step")[step], "support loss");
      if (step == 0) expect_norms(gradients, trace_.at("inner_gradient_norm_step0"));
    }
    const Var predicted = help_forward(tape_, query, embedding_, theta, prior.mean);
    expect_predictions(predicted, trace_.at("prediction_after_step")[2]);
    const Var loss = mean_squared_error(tape_, predicted, tape_.leaf(column(trace_.at("query_target"))));
    expect_close(tape_.scalar(loss), trace_.at("query_loss"), "query loss");
    expect_norms(tape_.gradients(loss, vars_.theta), trace_.at("meta_gradient_norm_second_order"));
  }

 private:
  void check_embedding() {
    const auto latency_ms = trace_.at("reference_latency_ms").get<std::vector<double>>();
    const HardwareEmbedding embedding = embed(latency_ms);
    for (std::size_t i = 0; i < embedding.v.size(); ++i) {
      expect_close(embedding.v[i], trace_.at("hardware_embedding")[i], "V_h");
    }
  }

  GraphBatch batch(const char* part) {
    const SearchSpace& space = search_space("nasbench201");
    std::vector<Encoding> encodings;
    for (const Json& index : trace_.at(part)) encodings.push_back(space.encode(space.at(index.get<std::uint64_t>())));
    std::vector<const Encoding*> pointers;
    for (const Encoding& encoding : encodings) pointers.push_back(&encoding);
    return batch_graphs(pointers, 3);
  }

  void expect_predictions(Var predicted, const Json& wanted) {
    ASSERT_EQ(static_cast<std::size_t>(tape_.value(predicted).rows()), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      expect_close(tape_.value(predicted)(static_cast<Eigen::Index>(i), 0), wanted[i], "prediction");
    }
  }

  void expect_norms(const std::vector<Var>& gradients, const Json& wanted) {
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      expect_close(tape_.value(gradients[i]).norm(), wanted.at("meta_learner." + names_[i].name), names_[i].name);
    }
  }

  const Json& trace_;
  Tape<double> tape_;
  std::vector<NamedMatrix> names_;
  HelpVars vars_;
  Var embedding_;
};

TEST(HelpParity, ReleasedCheckpointRepeatsTheReleasedCodeStepByStep) {
  NASLAT_NEEDS_TEST_DATA();
  const Json traces = Json::parse(read_file(test_data() / "help" / "expected" / "parity.json"));
  int checked = 0;
  for (const auto& [name, trace] : traces.items()) {
    if (!name.starts_with("nasbench201/")) continue;
    SCOPED_TRACE(name);
    Trace(trace).check();
    ++checked;
  }
  EXPECT_GE(checked, 2);
}

}  // namespace
}  // namespace naslat
