#include "predictor/help.hpp"

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "configs/errors.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/help_model.hpp"
#include "predictor/metrics.hpp"
#include "predictor/nn/layers.hpp"
#include "spaces/search_space.hpp"
#include "tests/predictor/made_up_devices.hpp"

namespace naslat {
namespace {

using test::MadeUpDevices;

MetaTrained train(const MadeUpDevices& data, int threads, std::uint64_t seed, int episodes = 6, int tasks = 3,
                  double rate = 1e-3) {
  HelpTraining config;
  config.episodes = episodes;
  config.tasks = tasks;
  config.query = 20;
  config.validate_every = 3;
  config.rate = rate;
  config.seed = seed;
  config.threads = threads;
  const std::vector<DeviceTask> meta_train_devices(data.devices.begin(), data.devices.begin() + 8);
  const std::vector<DeviceTask> validation(data.devices.begin() + 8, data.devices.begin() + 10);
  return meta_train({data.encodings, meta_train_devices, validation}, config, [](int, double, double) {});
}

std::string bytes(const MetaTrained& trained) {
  return serialize({"help", "nasbench201", "", "{}", trained.parameters});
}

TEST(HelpTraining, GivesTheSameBytesOnOneThreadAndOnTwo) {
  const MadeUpDevices data(80);
  const MetaTrained one = train(data, 1, 5), two = train(data, 2, 5);
  EXPECT_EQ(bytes(one), bytes(two));
  EXPECT_EQ(one.validation_spearman, two.validation_spearman);
  EXPECT_NE(bytes(one), bytes(train(data, 1, 6)));
}

TEST(HelpTraining, GivesTheSameBytesWhereTasksWaitForOthers) {  // whose gradients have the same sum
  const MadeUpDevices data(80);
  const std::string one = bytes(train(data, 1, 5, 3, 8));
  for (const int threads : {2, 3, 12}) EXPECT_TRUE(bytes(train(data, threads, 5, 3, 8)) == one) << threads;
}

TEST(HelpTraining, LearnsDevicesItHasNotSeen) {
  const MadeUpDevices data(120);
  const MetaTrained trained = train(data, 2, 1, 60);
  EXPECT_GT(trained.validation_spearman, 0.8);
}

TEST(HelpTraining, SaysThatItDiverged) {  // and leaves no checkpoint of what are no numbers
  EXPECT_THROW(train(MadeUpDevices(80), 1, 5, 6, 3, 1e6), DataError);
}

TEST(HelpTraining, WantsQueriesBesideTheSamples) {
  const MadeUpDevices data(80);
  std::vector<DeviceTask> devices = data.devices;
  const auto trained_with = [&](std::size_t pool) {
    devices[0].pool.resize(pool);
    HelpTraining training;
    training.episodes = training.validate_every = 1;
    const std::span<const DeviceTask> all(devices);
    static_cast<void>(
        meta_train({data.encodings, all.first(4), all.subspan(4, 1)}, training, [](int, double, double) {}));
  };
  EXPECT_NO_THROW(trained_with(12));  // of 200 wanted
  EXPECT_THROW(trained_with(11), DataError);
}

TEST(HelpModel, WeightsAreStoredWhereTheyCameFrom) {
  for (const bool graph : {false, true}) {
    Rng rng(2);
    const HelpParameters parameters = initial_help_parameters(graph ? 8 : 132, graph, rng);
    const HelpWeights weights = weights_of(parameters);
    EXPECT_EQ(weights.theta[0].rows(), graph ? 8 : 132);
    EXPECT_EQ(weights.theta.back().size(), 1);                                     // fc5's bias
    EXPECT_EQ(weights.theta[weights.theta.size() - 2].rows(), 200);                // its weight
    EXPECT_EQ(weights.theta.size(), parameters.theta.size() + 1);                  // fc3's is in two parts
    HelpParameters stored = initial_help_parameters(graph ? 8 : 132, graph, rng);  // of other draws
    store(weights, stored);
    for (const auto group : {&HelpParameters::theta, &HelpParameters::rates, &HelpParameters::z}) {
      for (std::size_t i = 0; i < (parameters.*group).size(); ++i) {
        EXPECT_EQ((stored.*group)[i].value, (parameters.*group)[i].value) << (parameters.*group)[i].name;
      }
    }
  }
}

TEST(HelpModel, HeaderForOneDeviceAndZIsAPerceptron) {
  const SearchSpace& space = search_space("nasbench201");
  Rng rng(2);
  const GraphBatch batch =
      batch_graphs(std::vector{space.encode(sample(space, rng)), space.encode(sample(space, rng))}, 3);
  Tape<double> tape;
  const HelpWeights weights = weights_of(initial_help_parameters(8, true, rng));
  const HelpVars vars = on_tape(tape, weights);
  const Var v_h = tape.filled(1, kHelpEmbedding, 0.5);
  const Var z = tape.leaf((10 * normal_row(kHelpModulators, rng)).cast<double>());
  const Var encoded = encode_architectures(tape, batch, encoder_of(vars.theta));
  const Var predicted = perceptron(tape, encoded, header_for(tape, v_h, vars.theta, z));
  const Var wanted = help_forward(tape, batch, v_h, vars.theta, z);
  EXPECT_TRUE(tape.value(predicted).isApprox(tape.value(wanted), 1e-12));
  EXPECT_FALSE(
      tape.value(predicted).isApprox(tape.value(help_forward(tape, batch, v_h, vars.theta, std::nullopt)), 1e-3));
}

/// The predictor in the binary, on a device that is none of those it was trained on.
class BuiltInPredictor : public testing::Test {
 protected:
  BuiltInPredictor() : device_(data().devices[0]) {
    for (std::size_t i = 0; i < 20; ++i) {  // the references and ten more
      support_.x.push_back(data().encodings[i]);
      support_.latency_s.push_back(device_.latency_s[i]);
    }
  }

  static const MadeUpDevices& data() {
    static const MadeUpDevices devices(300);
    return devices;
  }

  [[nodiscard]] std::vector<double> predict(int threads, std::span<const Encoding> asked) const {
    const HelpPredictor predictor(std::make_shared<const HelpParameters>(built_in_checkpoint("nasbench201").parameters),
                                  threads);
    Rng rng(3);
    return predictor.adapt(device_.embedding, support_, target_scale(support_.latency_s), rng)->predict_s(asked);
  }

  DeviceTask device_;
  Samples support_;
};

TEST_F(BuiltInPredictor, RanksADeviceItHasNotSeenFromTwentySamples) {
  EXPECT_GT(spearman(predict(1, data().encodings), device_.latency_s), 0.9);
}

TEST_F(BuiltInPredictor, PredictsTheSameOnAnyNumberOfThreadsAndInAnyCompany) {
  const std::vector<double> predicted_s = predict(1, data().encodings);
  EXPECT_EQ(predict(3, data().encodings), predicted_s);
  const std::span last = std::span<const Encoding>(data().encodings).last(3);
  EXPECT_EQ(predict(1, last), std::vector(predicted_s.end() - 3, predicted_s.end()));
}

TEST_F(BuiltInPredictor, RefusesAnotherEmbeddingSizeAndAnEmptySupport) {
  const HelpPredictor predictor(std::make_shared<const HelpParameters>(built_in_checkpoint("nasbench201").parameters));
  Rng rng(1);
  EXPECT_THROW((void)predictor.adapt({{0, 1}}, support_, device_.scale, rng), DataError);
  EXPECT_THROW((void)predictor.adapt(device_.embedding, {}, device_.scale, rng), DataError);
}

}  // namespace
}  // namespace naslat
