#include "measure/protocol.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "measure/null_executable.hpp"

namespace naslat {
namespace {

/// Advances a scripted clock by 1, 2, 3, … seconds per run and notes what happened in which order.
class ScriptedExecutable final : public Executable {
 public:
  ScriptedExecutable(double& now_s, std::string& events) : now_s_(now_s), events_(events) {}
  void run() override {
    now_s_ += ++runs_;
    events_ += 'r';
  }
  [[nodiscard]] std::vector<float> output() const override { return {}; }
  [[nodiscard]] const ExecutableInfo& info() const override { return info_; }
  [[nodiscard]] std::optional<double> device_run_s() const override {
    events_ += 'd';
    return runs_ / 2.0;
  }

 private:
  double& now_s_;
  std::string& events_;
  int runs_ = 0;
  ExecutableInfo info_;
};

/// A clock and an executable that write down in which order they are used.
class TimeRuns : public testing::Test {
 protected:
  double now_s = 0;
  std::string events;
  ScriptedExecutable executable{now_s, events};
  const Clock clock = [this] {
    events += 'c';
    return now_s;
  };
};

TEST_F(TimeRuns, ReadsTheClockAroundEachTimedRunOnly) {
  std::vector<double> samples_s(3);
  const double executing_s = time_runs(executable, clock, 2, samples_s);
  EXPECT_EQ(events, "crrccrccrccrc");
  EXPECT_EQ(samples_s, (std::vector<double>{3, 4, 5}));
  EXPECT_DOUBLE_EQ(executing_s, 15);
}

TEST_F(TimeRuns, AsksForTheDevicesOwnTimeAfterTheClockWasRead) {
  std::vector<double> samples_s(2), device_samples_s{7};
  time_runs(executable, clock, 1, samples_s, &device_samples_s);
  EXPECT_EQ(events, "crccrcdcrcd");
  EXPECT_EQ(device_samples_s, (std::vector<double>{7, 1, 1.5}));
  NullExecutable processor;
  std::vector<double> none;
  time_runs(processor, clock, 0, samples_s, &none);
  EXPECT_TRUE(none.empty());
}

TEST(VisitRuns, SplitTheTimedRunsWithoutLosingOne) {
  for (const int visits : {1, 2, 3, 5, 7, 50}) {
    Protocol protocol;
    protocol.visits = visits;
    std::size_t sum = 0;
    for (int visit = 0; visit < visits; ++visit) sum += visit_runs(protocol, visit);
    EXPECT_EQ(sum, 50U) << visits;
  }
  Protocol protocol;
  protocol.visits = 3;
  EXPECT_EQ(visit_runs(protocol, 0), 17U);
  EXPECT_EQ(visit_runs(protocol, 2), 16U);
}

std::string message(Protocol protocol) {
  try {
    validate(protocol);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Protocol, NamesTheOptionGotAndWanted) {
  EXPECT_EQ(message({}), "");
  EXPECT_EQ(message({.timed_runs = 0}), "runs: got 0, wanted 1..1000000");
  EXPECT_EQ(message({.warmup_runs = -1}), "warmup: got -1, wanted 0..1000000");
  EXPECT_EQ(message({.trim_fraction = 0.5}), "trim: got 0.5, wanted a share in [0, 0.5)");
  EXPECT_EQ(message({.timed_runs = 4, .visits = 5}), "visits: got 5, wanted 1..4, the number of timed runs");
}

/// The harness itself, timed: two clock reads around nothing. Ten times what is usual is a mistake, not noise.
TEST_F(TimeRuns, CostsUnderTwoMicrosecondsPerExecution) {
  NullExecutable nothing;
  const Clock now = steady_clock();
  double best_s = 1;
  std::vector<double> samples_s(1000);
  for (int round = 0; round < 20; ++round) {
    const double start_s = now();
    time_runs(nothing, now, 0, samples_s);
    best_s = std::min(best_s, (now() - start_s) / 1000);
  }
  EXPECT_LT(best_s, 2e-6);
}

}  // namespace
}  // namespace naslat
