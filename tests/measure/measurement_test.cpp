#include "measure/measurement.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "configs/errors.hpp"
#include "measure/measurement_text.hpp"
#include "measure/summary.hpp"
#include "spaces/random.hpp"
#include "tests/measure/example_measurement.hpp"

namespace naslat {
namespace {

TEST(CorrectedLatency, IsTheMedianVisitTimesTheReferenceAnchor) {
  Measurement m;
  m.protocol = {.timed_runs = 6, .trim_fraction = 0, .visits = 3};
  m.samples_s = {1, 3, 8, 8, 5, 5};  // visits of mean 2, 8, 5
  m.anchor_s = {1, 2, 1};            // the machine ran at half speed in the second: 2, 4, 5
  EXPECT_DOUBLE_EQ(*corrected_latency_s(m, 10), 40);
  EXPECT_DOUBLE_EQ(*latency_s(m), 5);
  EXPECT_DOUBLE_EQ(*median_latency_s(m), 5);
}

TEST(CorrectedLatency, IsThePlainOneWithoutAnchorsAndNothingIfSkipped) {
  Measurement m;
  m.protocol = {.timed_runs = 2, .visits = 1, .anchor = false};
  m.samples_s = {1, 3};
  EXPECT_DOUBLE_EQ(*corrected_latency_s(m, 10), 2);
  m.samples_s.clear();
  m.latency_s_given = 0.5;
  EXPECT_DOUBLE_EQ(*corrected_latency_s(m, 10), 0.5);
  m.latency_s_given.reset();
  m.skipped = "no";
  EXPECT_FALSE(latency_s(m) || corrected_latency_s(m, 1) || median_latency_s(m));
}

TEST(BlockFlags, JudgeVisitsAtOneLevel) {
  Measurement m;
  m.protocol = {.timed_runs = 50, .visits = 5};
  Rng rng(1);
  for (int i = 0; i < 50; ++i) m.samples_s.push_back((i < 20 ? 1.0 : 1.3) * (1 + 0.005 * rng.normal()));
  m.anchor_s = {1, 1, 1.3, 1.3, 1.3};
  EXPECT_TRUE(block_flags(m).empty());
  m.anchor_s = {1, 1, 1, 1, 1};
  EXPECT_FALSE(block_flags(m).empty());
}

Measurement imported() {
  Measurement m = example_measurement();
  m.samples_s.clear();
  m.blocks.clear();
  m.anchor_s.clear();
  m.executable = {};
  m.disturbance = {};
  m.device_samples_s.clear();
  m.device_states = {};
  m.origin = Origin::imported;
  m.latency_s_given = 0.0125;
  m.index.reset();
  return m;
}

TEST(MeasurementText, RoundTripsExactly) {
  Measurement skipped = imported();
  skipped.latency_s_given.reset();
  skipped.skipped = "onednn: layer 'x'";
  for (const Measurement& m : {example_measurement(), imported(), skipped}) {
    const std::string line = to_line(m);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(std::get<Measurement>(parse_line(line, "f:1")), m);
  }
}

TEST(MeasurementText, LeavesOutWhatProcessorsDoNotHave) {
  Measurement m = example_measurement();
  m.device_config.cuda_graph = m.device_config.autotune = false;
  m.device_samples_s.clear();
  m.device_states = {};
  const std::string line = to_line(m);
  for (const char* const field : {"cuda_graph", "autotune", "device_samples_s", "device_states"}) {
    EXPECT_EQ(line.find(field), std::string::npos) << field;
  }
  EXPECT_EQ(std::get<Measurement>(parse_line(line, "f:1")), m);
}

TEST(MeasurementText, RoundTripsEnvironments) {
  const Environment environment{"0123", {{"cpu_model", "Xeon \"x\"", ""}, {"governor", "", "absent"}}};
  EXPECT_EQ(std::get<Environment>(parse_line(to_line(environment), "f:1")), environment);
}

std::string error_of(const std::string& line) {
  try {
    static_cast<void>(parse_line(line, "nb201.jsonl:812"));
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(MeasurementText, SaysWhereAndWhatIsWrong) {
  const std::string line = to_line(example_measurement());
  EXPECT_EQ(error_of(replaced(line, "\"timed_runs\":4", "\"timed_runs\":50")),
            "nb201.jsonl:812: samples_s has 4 values, protocol.timed_runs is 50");
  EXPECT_EQ(error_of(replaced(line, "\"repeat\":1", "\"repeat\":-1")),
            "nb201.jsonl:812: repeat: got -1, wanted an integer in 0..1000000");
  EXPECT_EQ(error_of(replaced(line, "\"version\":1", "\"version\":2")),
            "nb201.jsonl:812: version: got 2, wanted 1, the version this program reads");
  EXPECT_EQ(error_of(replaced(line, "\"repeat\"", "\"repeal\"")), "nb201.jsonl:812: repeat: missing");
  EXPECT_EQ(error_of(replaced(line, "\"repeat\"", "\"more\":1,\"repeat\"")), "nb201.jsonl:812: more: unknown field");
  EXPECT_EQ(error_of(replaced(line, "\"threads\":2", "\"threads\":\"2\"")),
            "nb201.jsonl:812: device_config: threads: got \"2\", wanted an integer in 0..1000000");
  EXPECT_EQ(error_of(replaced(line, "\"pruned\"", "\"prune\"")),
            "nb201.jsonl:812: device_config: mode: got 'prune', wanted one of eager, fused, pruned");
  EXPECT_EQ(error_of(replaced(line, "\"device_samples_s\":[0.0005,", "\"device_samples_s\":[")),
            "nb201.jsonl:812: device_samples_s has 3 values, samples_s has 4");
  EXPECT_EQ(error_of(replaced(line, "\"power_w\":312.5", "\"power_w\":-1")),
            "nb201.jsonl:812: device_states: after: power_w: got -1, wanted a number, at least 0");
  EXPECT_EQ(error_of("{"), "nb201.jsonl:812: not JSON: got '{'");
  EXPECT_EQ(error_of("[]"), "nb201.jsonl:812: got [], wanted an object");
}

TEST(MeasurementText, RefusesImpossibleNumbers) {
  const std::string line = to_line(example_measurement());
  for (const char* hostile : {"1e999", "-0.001", "null", "\"1\"", "[]"}) {
    EXPECT_NE(error_of(replaced(line, "0.0012", hostile)), "") << hostile;
  }
  EXPECT_NE(error_of(replaced(line, "\"anchor_s\":[0.5", "\"anchor_s\":[0")), "");
  EXPECT_NE(error_of(replaced(line, "\"index\":15624", "\"index\":18446744073709551615")), "");
}

TEST(MeasurementText, SurvivesFlippedAndTruncatedBytes) {
  const std::string line = to_line(example_measurement());
  Rng rng(7);
  for (int round = 0; round < 5000; ++round) {
    std::string hostile = line;
    for (std::uint64_t flips = rng.below(4) + 1; flips > 0; --flips) {
      hostile[rng.below(hostile.size())] = static_cast<char>(rng.below(256));
    }
    if (rng.below(3) == 0) hostile.resize(rng.below(hostile.size()));
    try {
      static_cast<void>(parse_line(hostile, "f:1"));
    } catch (const DataError&) {
    }
  }
  EXPECT_NE(error_of(std::string(200'000, '[')), "");
}

TEST(DeviceName, HoldsWhatMakesADevice) {
  Device device{.backend = "onednn", .hardware = "epyc-9xx5", .isa = "", .threads = 2};
  EXPECT_EQ(device_name(device), "epyc-9xx5_t2_b1_f32_fused");
  device.isa = "avx2";
  device.pinned = false;
  device.mode = GraphMode::eager;
  EXPECT_EQ(device_name(device), "epyc-9xx5_t2_b1_f32_eager_avx2_unpinned");
  device = {.backend = "cudnn", .hardware = "h100", .isa = "", .cuda_graph = true, .autotune = true};
  EXPECT_EQ(device_name(device), "cudnn-h100_t1_b1_f32_fused_graph_autotuned");
  device = {.backend = "simulated", .hardware = "npu_like", .isa = ""};
  EXPECT_EQ(device_name(device), "simulated-npu_like_t1_b1_f32_fused");
}

TEST(DeviceStates, NameTheBitsOfNvml) {
  EXPECT_TRUE(clock_event_names(0).empty());
  EXPECT_EQ(clock_event_names(0x1 | 0x4 | 0x600), (std::vector<std::string>{"idle", "power cap", "0x600"}));
}

TEST(DeviceStates, AreThrottledByPowerAndHeatOnly) {
  for (std::uint64_t bit = 1; bit <= 0x200; bit *= 2) {
    const bool slower = bit == 0x4 || bit == 0x8 || bit == 0x20 || bit == 0x40 || bit == 0x80;
    EXPECT_EQ(throttled({.before = {.clock_events = clock_event_names(bit)}}), slower) << bit;
    EXPECT_EQ(throttled({.after = {.clock_events = clock_event_names(bit)}}), slower) << bit;
  }
  EXPECT_FALSE(throttled({}));
}

TEST(DeviceStates, KeepTheFirstAndTheLastReadingAndAllEvents) {
  using Events = std::vector<std::string>;
  DeviceStates states;
  states += {{.temperature_c = 40, .clock_events = Events{"idle"}}, {.temperature_c = 50, .clock_events = Events{}}};
  states += {{.temperature_c = 55, .clock_events = Events{"power cap"}}, {.temperature_c = 60}};
  states += {{.temperature_c = 58, .clock_events = Events{"display"}},
             {.temperature_c = 65, .clock_events = Events{"hw thermal"}}};
  EXPECT_EQ(states.before, (DeviceState{.temperature_c = 40, .clock_events = Events{"idle"}}));
  EXPECT_EQ(states.after.temperature_c, 65);
  EXPECT_EQ(states.after.clock_events, (Events{"hw thermal", "display", "power cap"}));
}

TEST(LatencySummary, HasMedianMinimumAndDeviationOfTheSamples) {
  Dataset dataset;
  Measurement m = example_measurement();
  m.protocol = {.timed_runs = 10, .visits = 1, .anchor = false};
  m.samples_s = {1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3, 7e-3, 8e-3, 9e-3, 10e-3};
  m.device_samples_s = std::vector<double>(10, 0.5e-3);
  m.anchor_s.clear();
  dataset.measurements.push_back(m);
  m.architecture = "another";
  dataset.measurements.push_back(m);
  const Table table = latency_summary(dataset, m.space, m.device, {example_measurement().architecture});
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_DOUBLE_EQ(std::get<double>(table.rows[0][0]), 5.5);
  EXPECT_DOUBLE_EQ(std::get<double>(table.rows[0][2]), 5.5);
  EXPECT_DOUBLE_EQ(std::get<double>(table.rows[0][3]), 1);
  EXPECT_NEAR(std::get<double>(table.rows[0][4]), 100 * 2.5 / 5.5, 1e-9);
  EXPECT_EQ(table.columns[5].name, "device_ms");
  EXPECT_DOUBLE_EQ(std::get<double>(table.rows[0][5]), 0.5);
}

TEST(LatencySummary, HasNoDeviceTimeOfProcessors) {
  Dataset dataset;
  dataset.measurements.push_back(example_measurement());
  dataset.measurements[0].device_samples_s.clear();
  const Table table = latency_summary(dataset, example_measurement().space, example_measurement().device,
                                      {example_measurement().architecture});
  EXPECT_EQ(table.columns[5].name, "repeat");
  EXPECT_EQ(table.rows.at(0).size(), table.columns.size());
}

}  // namespace
}  // namespace naslat
