// HELP's released checkpoint, run by the authors' code on their latencies (data/help/expected/parity.json), against
// ours.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "configs/files.hpp"
#include "configs/json.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/tasks.hpp"
#include "spaces/search_space.hpp"
#include "tests/test_data.hpp"

namespace naslat {
namespace {

constexpr double kTolerance = 1e-4;  // relative; the expected values were computed in single precision

void expect_near(double got, double expected, const std::string& what) {
  EXPECT_NEAR(got, expected, kTolerance * std::max(std::abs(expected), 0.01)) << what;
}

template <typename T>
class HelpParity : public testing::Test {
 protected:
  void SetUp() override {
    NASLAT_NEEDS_TEST_DATA();
    const auto folder = test_data() / "help";
    expected_ = parse_json(read_file(folder / "expected/parity.json"));
    parameters_ = read_checkpoint(folder / "data/nasbench201/checkpoint/help_max_corr.pt").parameters;
  }

  GraphBatch batch(const Json& indices) const {
    const SearchSpace& space = search_space("nasbench201");
    std::vector<Encoding> encodings;
    for (const std::uint64_t index : indices) encodings.push_back(space.encode(space.at(index)));
    return batch_graphs(encodings, 3);
  }

  Var column(const Json& values) {
    const std::vector<T> list = values;
    Matrix<T> matrix(static_cast<Eigen::Index>(list.size()), 1);
    std::copy(list.begin(), list.end(), matrix.data());
    return tape_.leaf(matrix);
  }
  Var row(const Json& values) { return tape_.leaf(tape_.value(column(values)).transpose()); }

  void expect_values(Var got, const Json& expected, const std::string& what) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expect_near(static_cast<double>(tape_.value(got).data()[i]), expected[i], what + " " + std::to_string(i));
    }
  }

  /// Norms by name; `got` in the order of the weights.
  void expect_norms(const std::vector<Var>& got, const Json& expected, const std::string& what) {
    auto next = got.begin();
    for (const NamedMatrix& matrix : parameters_.theta) {
      double square = 0;
      for (int part = 0; part < (matrix.name == "fc3.weight" ? 2 : 1); ++part) {
        square += static_cast<double>(tape_.value(*next++).squaredNorm());
      }
      expect_near(std::sqrt(square), expected.at("meta_learner." + matrix.name), what + matrix.name);
    }
    EXPECT_EQ(next, got.end());
  }

  /// One device: z, its KL, the two inner steps with their gradients, the meta-gradient through them.
  void check(const std::string& device) {
    tape_.clear();
    const Json& wanted = expected_.at(device);
    const HelpWeights weights = weights_of(parameters_);
    const HelpVars vars = on_tape(tape_, weights);
    const Var v_h = row(wanted["hardware_embedding"]);
    const Modulators prior = modulators(tape_, vars.z, v_h);
    expect_near(static_cast<double>(tape_.scalar(divergence(tape_, prior))), wanted["kl"], "kl");
    expect_values(prior.mean, wanted["z_weights_first5"], "z weight");
    expect_values(tape_.columns(prior.mean, 600, 3), wanted["z_biases"], "z bias");

    const GraphBatch support = batch(wanted["support"]), query = batch(wanted["query"]);
    const Var targets = column(wanted["support_target"]);
    expect_values(help_forward(tape_, query, v_h, vars.theta, std::nullopt), wanted["prediction_unmodulated"], "plain");
    std::vector<Var> theta = vars.theta;
    for (std::size_t step = 0; step < 2; ++step) {
      const std::string at = "step " + std::to_string(step) + " ";
      expect_values(help_forward(tape_, query, v_h, theta, prior.mean), wanted["prediction_after_step"][step], at);
      std::vector<Var> gradients;
      Var loss;
      theta = inner_step(tape_, support, targets, v_h, theta, vars.rates, prior.mean, &gradients, &loss);
      expect_near(static_cast<double>(tape_.scalar(loss)), wanted["support_loss_before_step"][step], at + "loss");
      if (step == 0) expect_norms(gradients, wanted["inner_gradient_norm_step0"], "inner gradient ");
    }
    const Var predicted = help_forward(tape_, query, v_h, theta, prior.mean);
    expect_values(predicted, wanted["prediction_after_step"][2], "adapted ");
    const Var loss = mean_squared_error(tape_, predicted, column(wanted["query_target"]));
    expect_near(static_cast<double>(tape_.scalar(loss)), wanted["query_loss"], "query loss");
    expect_norms(tape_.gradients(loss, vars.theta), wanted["meta_gradient_norm_second_order"], "meta-gradient ");
  }

  Json expected_;
  HelpParameters parameters_;
  Tape<T> tape_;
};

using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(HelpParity, Scalars);

TYPED_TEST(HelpParity, AdaptsToGold6226AsTheReleasedCode) { this->check("nasbench201/gold_6226"); }
TYPED_TEST(HelpParity, AdaptsToRaspi4AsTheReleasedCode) { this->check("nasbench201/raspi4"); }

TEST(HelpTables, EmbeddingAndTargetsOfGold6226AreThoseOfTheReleasedCode) {
  NASLAT_NEEDS_TEST_DATA();
  const auto folder = test_data() / "help";
  const Json expected = parse_json(read_file(folder / "expected/parity.json"))["nasbench201/gold_6226"];
  const std::vector<std::string> devices = {"gold_6226"};
  const auto tables = read_latency_tables(folder, "nasbench201");
  const DeviceTask task = device_tasks(search_space("nasbench201"), tables, devices).at(0);
  for (std::size_t i = 0; i < 10; ++i) {
    expect_near(task.embedding.v.at(i), expected["hardware_embedding"][i], "embedding");
    const std::size_t sample = expected["support"][i];
    expect_near(task.scale.target(task.latency_s.at(sample)), expected["support_target"][i], "target");
  }
  expect_near(task.scale.min_s * 1e3, expected["normalisation"]["min_ms"], "min");
  expect_near(task.scale.max_s * 1e3, expected["normalisation"]["max_ms"], "max");
}

}  // namespace
}  // namespace naslat
