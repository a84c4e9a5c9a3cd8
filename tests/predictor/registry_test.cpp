#include "predictor/registry.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <tuple>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/help.hpp"
#include "predictor/metrics.hpp"
#include "tests/predictor/made_up_devices.hpp"
#include "tests/temporary_folder.hpp"

// What holds of every predictor in the registry: a new one is tested from the day it is listed.

namespace naslat {
namespace {

using test::MadeUpDevices;

HelpTraining short_training(int threads = 1) {
  HelpTraining training;
  training.episodes = 40;
  training.tasks = 4;
  training.query = 40;
  training.validate_every = 20;
  training.rate = 1e-3;
  training.seed = 1;
  training.threads = threads;
  return training;
}

const MadeUpDevices& data() {
  static const MadeUpDevices devices(300);
  return devices;
}

std::unique_ptr<LatencyPredictor> prepared(const std::string& name, int threads = 1) {
  auto predictor = make_predictor(name, short_training(threads));
  const std::span<const DeviceTask> devices(data().devices);
  predictor->meta_train({data().encodings, devices.first(8), devices.subspan(8, 2)}, [](int, double, double) {});
  return predictor;
}

/// Predictions for the queries of the last device, adapted to `samples` of its pool.
std::vector<double> predictions(const LatencyPredictor& predictor, std::size_t samples) {
  const DeviceTask& device = data().devices.back();
  Samples support{{}, {}, device.facts};
  for (std::size_t i = 0; i < samples; ++i) {
    support.x.push_back(data().encodings[device.pool[i]]);
    support.latency_s.push_back(device.latency_s[device.pool[i]]);
  }
  std::vector<Encoding> queries;
  for (const std::size_t i : device.queries) queries.push_back(data().encodings[i]);
  Rng rng(5);
  return predictor.adapt(device.embedding, support, device.scale, rng)->predict_s(queries);
}

double spearman_with(const LatencyPredictor& predictor, std::size_t samples) {
  const DeviceTask& device = data().devices.back();
  std::vector<double> measured_s;
  for (const std::size_t i : device.queries) measured_s.push_back(device.latency_s[i]);
  return spearman(predictions(predictor, samples), measured_s);
}

class EveryPredictor : public testing::TestWithParam<std::string> {};

TEST_P(EveryPredictor, RanksNetworksOfADeviceItNeverSaw) {
  const auto predictor = prepared(GetParam());
  EXPECT_EQ(predictor->name(), GetParam());
  EXPECT_GT(spearman_with(*predictor, 100), 0.85);
}

TEST_P(EveryPredictor, GivesTheSameNumbersOnOneThreadAndOnTwo) {
  EXPECT_EQ(predictions(*prepared(GetParam(), 1), 10), predictions(*prepared(GetParam(), 2), 10));
}

TEST_P(EveryPredictor, RefusesToAdaptToNothing) {
  Rng rng(1);
  const DeviceTask& device = data().devices.back();
  const auto predictor = prepared(GetParam());
  EXPECT_THROW(static_cast<void>(predictor->adapt(device.embedding, {}, device.scale, rng)), DataError);
  try {
    for (const double latency_s : predictions(*predictor, 1)) EXPECT_TRUE(std::isfinite(latency_s));
  } catch (const DataError&) {  // some want more
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryPredictor, testing::ValuesIn(predictor_names()),
                         [](const testing::TestParamInfo<std::string>& instance) {
                           std::string name = instance.param;
                           for (char& c : name) {
                             if (c == '-') c = '_';
                           }
                           return name;
                         });

TEST(Predictors, WithoutMetaTrainingOrCheckpointSaySo) {
  Rng rng(1);
  const DeviceTask& device = data().devices.back();
  const Samples support{{data().encodings[0]}, {1e-3}};
  EXPECT_THROW(static_cast<void>(make_predictor("help", {})->adapt(device.embedding, support, device.scale, rng)),
               DataError);
  EXPECT_THROW(static_cast<void>(make_predictor("oracle", {})), ConfigError);
}

/// Released checkpoints do not say what they are for; their shapes do.
TEST(Predictors, AreNotLoadedForAnotherSpace) {
  const TemporaryFolder folder;
  Rng rng(1);
  const std::vector<std::tuple<int, bool, bool>> cases = {{8, true, true}, {132, false, false}, {9, true, false}};
  for (const auto& [features, graph, fits] : cases) {
    const Checkpoint checkpoint{"help", "", "0", "{}", initial_help_parameters(features, graph, rng)};
    write_file(folder / "any.ckpt", serialize(checkpoint));
    const auto load = [&] { return load_predictor("nasbench201", folder / "any.ckpt", 1); };
    if (fits) {
      EXPECT_NO_THROW(static_cast<void>(load()));
    } else {
      EXPECT_THROW(static_cast<void>(load()), DataError) << features;
    }
  }
}

/// The parts of HELP do what they are called: only a conditioned network tells devices apart without adaptation.
TEST(Predictors, TellDevicesApartByTheEmbeddingOnlyWhereConditioned) {
  const auto blind = prepared("help-amortization"), conditioned = prepared("help-condition");
  const DeviceTask &a = data().devices[10], &b = data().devices[11];
  const Samples support{{data().encodings[0]}, {a.latency_s[0]}};
  Rng rng(1);
  const auto of = [&](const LatencyPredictor& predictor, const DeviceTask& device) {
    return predictor.adapt(device.embedding, support, a.scale, rng)->predict_s(std::span(data().encodings).first(20));
  };
  EXPECT_EQ(of(*blind, a), of(*blind, b));
  EXPECT_NE(of(*conditioned, a), of(*conditioned, b));
}

}  // namespace
}  // namespace naslat
