#include "predictor/help.hpp"

#include <gtest/gtest.h>

#include "configs/errors.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/metrics.hpp"

namespace naslat {
namespace {

/// Devices whose latency is a sum over the operations of a cell, each device with costs of its own.
struct MadeUpDevices {
  explicit MadeUpDevices(int architectures) {
    Rng rng(1);
    std::vector<Architecture> list = space.references();
    while (static_cast<int>(list.size()) < architectures) list.push_back(sample(space, rng));
    encodings = encode_all(space, list);
    for (int d = 0; d < 12; ++d) devices.push_back(device(list, rng));
  }

  static DeviceTask device(const std::vector<Architecture>& list, Rng& rng) {
    const std::vector<double> cost = {0, 0.1 * rng.uniform(), 0.2 + rng.uniform(), 1 + 2 * rng.uniform(),
                                      0.5 * rng.uniform()};
    DeviceTask task{"made up", {}, {}, {}, {}, {}};
    for (const Architecture& architecture : list) {
      double latency_s = 3;
      for (const std::uint8_t operation : architecture.choices) latency_s += cost[operation];
      task.latency_s.push_back(latency_s * 1e-3);
    }
    for (std::size_t i = 0; i < list.size(); ++i) (i % 2 == 0 ? task.pool : task.queries).push_back(i);
    task.embedding = embed({task.latency_s.begin(), task.latency_s.begin() + 10});
    task.scale = target_scale(task.latency_s);
    return task;
  }

  const SearchSpace& space = search_space("nasbench201");
  Encodings encodings;
  std::vector<DeviceTask> devices;
};

MetaTrained train(const MadeUpDevices& data, int threads, std::uint64_t seed, int episodes = 6) {
  HelpTraining config;
  config.episodes = episodes;
  config.tasks = 3;
  config.query = 20;
  config.validate_every = 3;
  config.rate = 1e-3;
  config.seed = seed;
  config.threads = threads;
  const std::vector<DeviceTask> meta_train_devices(data.devices.begin(), data.devices.begin() + 8);
  const std::vector<DeviceTask> validation(data.devices.begin() + 8, data.devices.begin() + 10);
  return meta_train(data.encodings, meta_train_devices, validation, config, [](int, double, double) {});
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

TEST(HelpTraining, LearnsDevicesItHasNotSeen) {
  const MadeUpDevices data(120);
  const MetaTrained trained = train(data, 2, 1, 60);
  EXPECT_GT(trained.validation_spearman, 0.8);
}

/// The predictor in the binary, on a device that is none of those it was trained on.
class BuiltInPredictor : public testing::Test {
 protected:
  BuiltInPredictor() : data_(200), device_(data_.devices[0]) {
    for (std::size_t i = 0; i < 20; ++i) {  // the references and ten more
      support_.x.push_back(data_.encodings[i]);
      support_.latency_s.push_back(device_.latency_s[i]);
    }
  }

  [[nodiscard]] std::vector<double> predict(int threads) const {
    const HelpPredictor predictor(std::make_shared<const HelpParameters>(built_in_checkpoint("nasbench201").parameters),
                                  threads);
    Rng rng(3);
    return predictor.adapt(device_.embedding, support_, target_scale(support_.latency_s), rng)
        ->predict_s(data_.encodings);
  }

  MadeUpDevices data_;
  DeviceTask device_;
  Samples support_;
};

TEST_F(BuiltInPredictor, RanksADeviceItHasNotSeenFromTwentySamples) {
  EXPECT_GT(spearman(predict(1), device_.latency_s), 0.9);
}

TEST_F(BuiltInPredictor, PredictsTheSameOnAnyNumberOfThreads) { EXPECT_EQ(predict(1), predict(3)); }

TEST_F(BuiltInPredictor, RefusesAnotherEmbeddingSizeAndAnEmptySupport) {
  const HelpPredictor predictor(std::make_shared<const HelpParameters>(built_in_checkpoint("nasbench201").parameters));
  Rng rng(1);
  EXPECT_THROW((void)predictor.adapt({{0, 1}}, support_, device_.scale, rng), DataError);
  EXPECT_THROW((void)predictor.adapt(device_.embedding, {}, device_.scale, rng), DataError);
}

}  // namespace
}  // namespace naslat
