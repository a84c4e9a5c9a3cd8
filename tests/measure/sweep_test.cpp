#include "measure/sweep.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/interrupt.hpp"
#include "measure/backends/simulated/simulated.hpp"
#include "measure/measurement_text.hpp"
#include "measure/repeatability.hpp"
#include "measure/subject.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

/// A device whose every run takes a second, and which may break at a given run.
class ScriptedBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "simulated"; }
  [[nodiscard]] bool simulated() const override { return true; }
  [[nodiscard]] std::vector<Device> devices() const override { return {device()}; }
  [[nodiscard]] Clock clock() const override {
    return [this] { return now_s; };
  }
  [[nodiscard]] std::unique_ptr<Executable> compile(const Network& network, const Device&) override {
    if (refused == network.name) throw Unsupported("scripted: layer 'x': refused");
    return std::make_unique<Run>(*this, network.name);
  }
  static Device device() { return {.backend = "simulated", .hardware = "scripted", .isa = ""}; }

  double now_s = 0;
  std::optional<double> device_run_s;
  DeviceState state;
  int runs_until_interrupt = -1;
  std::string refused;
  std::vector<std::string> runs;

 private:
  class Run final : public Executable {
   public:
    Run(ScriptedBackend& owner, std::string network) : owner_(owner), network_(std::move(network)) {}
    void run() override {
      if (owner_.runs_until_interrupt-- == 0) throw Interrupted{};
      owner_.now_s += 1;
      owner_.runs.push_back(network_);
    }
    [[nodiscard]] std::vector<float> output() const override { return {}; }
    [[nodiscard]] const ExecutableInfo& info() const override { return info_; }
    [[nodiscard]] std::optional<double> device_run_s() const override { return owner_.device_run_s; }
    [[nodiscard]] DeviceState device_state() const override { return owner_.state; }

   private:
    ScriptedBackend& owner_;
    std::string network_;
    ExecutableInfo info_;
  };
};

const SearchSpace& space() { return search_space("nasbench201"); }

SweepSummary run(Backend& backend, const Device& device, const SweepOptions& options, const std::filesystem::path& path,
                 const std::vector<std::string>& archs) {
  DatasetWriter writer(path);
  Progress progress("", true);
  return sweep(space(), select_architectures(space(), archs), backend, device, options, writer, progress);
}

SweepOptions small_options() {
  SweepOptions options;
  options.protocol = {.warmup_runs = 4, .discarded_runs = 2, .timed_runs = 10, .visits = 5, .visit_discarded_runs = 1};
  options.warm_device_s = 0;
  return options;
}

TEST(Sweep, OfTwoTimingsKeepsTheOneThatWasNotDisturbedThenTheCalmer) {
  Subject subject;
  const auto timed_again = [&](Disturbance earlier, Disturbance now) {
    subject.record.disturbance = earlier;
    subject.visits_done = subject.record.protocol.visits;
    subject.earlier.reset();
    subject.start_again();
    subject.visits_done = subject.record.protocol.visits;
    subject.record.disturbance = now;
    return subject.calmest().disturbance;
  };
  const Disturbance stolen{.involuntary_switches = 1, .steal_s = 0.01}, calm{.involuntary_switches = 3},
      calmer{.involuntary_switches = 2};
  EXPECT_EQ(timed_again(stolen, calm).steal_s, 0);
  EXPECT_EQ(timed_again(calm, stolen).steal_s, 0);
  EXPECT_EQ(timed_again(calm, calmer).involuntary_switches, 2);
  EXPECT_EQ(timed_again(calmer, calm).involuntary_switches, 2);
}

TEST(Sweep, ExecutesExactlyThePlannedRuns) {
  const TemporaryFolder folder;
  ScriptedBackend backend;
  const SweepSummary summary = run(backend, ScriptedBackend::device(), small_options(), folder / "d", {"random:20"});
  // 20 networks: 6 discarded runs, 10 timed, one discarded at each of four later visits: 20 seconds, so windows of 15.
  // 5 rounds of 2 groups of up to 8 visits, then 5 of one; an anchor reading (two networks, 2 + 10 runs) before the
  // first group of each window and after each group.
  EXPECT_EQ(backend.runs.size(), 20U * (6 + 10 + 4) + (11 + 6) * 2 * 12);
  EXPECT_DOUBLE_EQ(summary.executing_s, static_cast<double>(backend.runs.size()));
  EXPECT_DOUBLE_EQ(summary.wall_s, summary.executing_s);
  EXPECT_EQ(summary.measured, 20U);
  for (const Measurement& m : read_dataset(folder / "d").measurements) {
    EXPECT_EQ(m.samples_s, std::vector<double>(10, 1.0));
    EXPECT_EQ(m.anchor_s, std::vector<double>(5, 1.0));
    EXPECT_TRUE(m.flags.empty());
    EXPECT_EQ(m.origin, Origin::simulated);
  }
}

TEST(Sweep, OfOneVisitWithoutAnchorIsThePapersOrder) {
  const TemporaryFolder folder;
  ScriptedBackend backend;
  SweepOptions options = small_options();
  options.protocol.visits = 1;
  options.protocol.anchor = false;
  run(backend, ScriptedBackend::device(), options, folder / "d", {"random:3"});
  ASSERT_EQ(backend.runs.size(), 3U * 16);
  for (std::size_t network = 0; network < 3; ++network) {  // all runs of a network in one block
    const auto first = backend.runs.begin() + static_cast<std::ptrdiff_t>(16 * network);
    EXPECT_EQ(std::count(first, first + 16, *first), 16);
  }
}

TEST(Sweep, WarmsTheDeviceByTimeOnce) {
  const TemporaryFolder folder;
  ScriptedBackend backend;
  SweepOptions options = small_options();
  options.protocol.visits = 1;
  options.protocol.anchor = false;
  options.warm_device_s = 7;
  run(backend, ScriptedBackend::device(), options, folder / "d", {"random:3"});
  EXPECT_EQ(backend.runs.size(), 3U * 16 + 8);  // two anchors in turn until 7 seconds have passed
}

TEST(Sweep, InterruptedAnywhereLosesNothingRecordedAndResumesWithoutRepeating) {
  for (const auto& [after, on_disk] :
       std::map<int, std::size_t>{{0, 0}, {30, 0}, {250, 0}, {500, 8}, {640, 16}, {700, 16}, {820, 16}}) {
    const TemporaryFolder folder;
    ScriptedBackend backend;
    backend.runs_until_interrupt = after;
    SweepOptions options = small_options();
    options.window = 8;
    EXPECT_THROW(run(backend, ScriptedBackend::device(), options, folder / "d", {"random:20"}), Interrupted);
    const std::string before = read_file(folder / "d");
    const std::size_t recorded = read_dataset(folder / "d").measurements.size();
    EXPECT_EQ(recorded, on_disk) << after;  // whole windows
    const SweepSummary summary = run(backend, ScriptedBackend::device(), options, folder / "d", {"random:20"});
    EXPECT_EQ(summary.already_there, recorded);
    EXPECT_EQ(summary.measured, 20 - recorded);
    EXPECT_TRUE(read_file(folder / "d").starts_with(before));
    std::map<std::string, int> times;
    for (const Measurement& m : read_dataset(folder / "d").measurements) ++times[m.architecture];
    EXPECT_EQ(times.size(), 20U);
    for (const auto& [architecture, count] : times) EXPECT_EQ(count, 1);
  }
}

TEST(Sweep, RecordsWhatTheBackendRefusesAndGoesOn) {
  const TemporaryFolder folder;
  ScriptedBackend backend;
  backend.refused = space().network(space().at(7)).name;
  const SweepSummary summary = run(backend, ScriptedBackend::device(), small_options(), folder / "d", {"range:5-9"});
  EXPECT_EQ(summary.skipped, 1U);
  EXPECT_EQ(summary.measured, 4U);
  const Dataset dataset = read_dataset(folder / "d");
  EXPECT_EQ(std::count_if(dataset.measurements.begin(), dataset.measurements.end(),
                          [](const Measurement& m) { return m.skipped == "scripted: layer 'x': refused"; }),
            1);
}

TEST(Sweep, RecordsWhatTheDeviceSaysOfItselfAndFlagsWhatHeldItBack) {
  const TemporaryFolder folder;
  ScriptedBackend backend;
  backend.device_run_s = 0.25;
  backend.state = {.sm_clock_mhz = 1410, .clock_events = clock_event_names(0x4)};
  const SweepSummary summary = run(backend, ScriptedBackend::device(), small_options(), folder / "d", {"random:3"});
  EXPECT_EQ(summary.throttled, 3U);
  for (const Measurement& m : read_dataset(folder / "d").measurements) {
    EXPECT_EQ(m.device_samples_s, std::vector<double>(10, 0.25));
    EXPECT_EQ(m.device_states.before, backend.state);
    EXPECT_EQ(m.device_states.after, backend.state);
    EXPECT_EQ(m.flags, std::vector<std::string>{"throttled"});
  }
}

std::string error_of(Backend& backend, const SweepOptions& options, const std::filesystem::path& path) {
  try {
    run(backend, ScriptedBackend::device(), options, path, {"random:2"});
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(Sweep, RefusesAnotherProtocolOrEnvironmentUnderOneDeviceName) {
  const TemporaryFolder folder;
  ScriptedBackend backend;
  SweepOptions options = small_options();
  run(backend, ScriptedBackend::device(), options, folder / "d", {"random:2"});
  options.protocol.timed_runs = 20;
  const std::string protocol = error_of(backend, options, folder / "d");
  EXPECT_NE(protocol.find("10 timed runs"), std::string::npos) << protocol;
  EXPECT_NE(protocol.find("20 timed runs"), std::string::npos) << protocol;
  options.device_name = "another";
  EXPECT_EQ(error_of(backend, options, folder / "d"), "");

  options = small_options();
  Measurement elsewhere = read_dataset(folder / "d").measurements.front();
  elsewhere.environment = "elsewhere";
  folder.write("e", to_line(elsewhere) + "\n");
  EXPECT_NE(error_of(backend, options, folder / "e").find("environment elsewhere; got "), std::string::npos);
}

TEST(Sweep, OfEqualSeedsOnSimulatedDevicesGivesEqualBytes) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"}) {
    const auto backend = make_simulated_backend();
    run(*backend, backend->devices()[2], {}, folder / name, {"random:12"});
  }
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
}

/// Self-Spearman and rank correlation with the truth need a device whose truth is known.
struct Recovered {
  double agreement = 0;    ///< Spearman between two passes
  double worst_error = 0;  ///< 95th percentile of |log(latency / truth)| up to a common factor
};

Recovered recover(const SimulatedDevice& planted, Protocol protocol) {
  const TemporaryFolder folder;
  const auto backend = make_simulated_backend({planted}, 42);
  const Device device = backend->devices().front();
  SweepOptions options;
  options.protocol = protocol;
  options.repeats = 2;
  run(*backend, device, options, folder / "d", {"random:80@5"});
  const Dataset dataset = read_dataset(folder / "d");
  const auto repeats = repeatability(dataset, "nasbench201", device_name(device));
  EXPECT_TRUE(repeats.has_value());
  std::vector<double> errors;
  const double reference_s = dataset.reference_anchor_s("nasbench201", device_name(device));
  for (const Measurement& m : dataset.measurements) {
    const double truth_s = true_latency_s(planted, space().network(space().parse(m.architecture)), device);
    errors.push_back(std::log(*corrected_latency_s(m, reference_s) / truth_s));
  }
  const double common = median_of(errors);
  for (double& error : errors) error = std::abs(error - common);
  std::sort(errors.begin(), errors.end());
  return {repeats->spearman, errors[errors.size() * 95 / 100]};
}

SimulatedDevice planted_device() {  // measurement-notes 4: 1% white noise, 3% wander, 8% steps
  SimulatedDevice device = simulated_devices().front();
  device.wander = 0.03;
  device.step = 0.08;
  return device;
}

TEST(Sweep, VisitsAndAnchorsRecoverTheOrderWhereOneBlockDoesNot) {
  Protocol block;
  block.visits = 1;
  block.anchor = false;
  const Recovered visits = recover(planted_device(), {}), one_block = recover(planted_device(), block);
  EXPECT_GE(visits.agreement, 0.99);
  EXPECT_LE(visits.worst_error, 0.02);
  EXPECT_GT(one_block.worst_error, 2.5 * visits.worst_error);
}

TEST(Sweep, FlagsFireWhereSomethingWasPlanted) {
  const TemporaryFolder folder;
  SimulatedDevice spiky = simulated_devices().front(), quiet = spiky;
  spiky.name = "spiky";
  spiky.spike_share = 0.15;
  const auto backend = make_simulated_backend({quiet, spiky}, 9);
  const auto flagged = [&](const Device& device, const std::string& flag) {
    run(*backend, device, {}, folder / device.hardware, {"random:40"});
    const Dataset dataset = read_dataset(folder / device.hardware);
    return std::count_if(dataset.measurements.begin(), dataset.measurements.end(), [&](const Measurement& m) {
      return std::find(m.flags.begin(), m.flags.end(), flag) != m.flags.end();
    });
  };
  EXPECT_EQ(flagged(backend->devices()[0], "spikes"), 0);
  EXPECT_GE(flagged(backend->devices()[1], "spikes"), 25);
}

TEST(SelectArchitectures, ReadsEveryFormOnce) {
  const TemporaryFolder folder;
  folder.write("list", "# comment\n7\n\n" + space().format(space().at(9)) + "\r\n");
  const auto count = [](const std::vector<std::string>& texts) { return select_architectures(space(), texts).size(); };
  EXPECT_EQ(count({"reference"}), 10U);
  EXPECT_EQ(count({"all"}), 15625U);
  EXPECT_EQ(count({"range:3-5", "range:4-6"}), 4U);
  EXPECT_EQ(count({"random:15625"}), 15625U);
  EXPECT_EQ(select_architectures(space(), {"file:" + (folder / "list").string()}),
            (std::vector<Architecture>{space().at(7), space().at(9)}));
  EXPECT_EQ(select_architectures(space(), {"random:9@4"}), select_architectures(space(), {"random:9@4"}));
  EXPECT_NE(select_architectures(space(), {"random:9@4"}), select_architectures(space(), {"random:9@5"}));
  EXPECT_EQ(select_architectures(space(), {"random:9"}), select_architectures(space(), {"random:9@0"}));
}

TEST(SelectArchitectures, NamesWhatItCannotRead) {
  for (const char* text : {"", "random:", "random:x", "random:3@", "random:-1", "random:15626", "range:5-3", "range:5",
                           "range:0-15625", "file:/nowhere", "probe", "|none~0|", "random:99999999999999999999999"}) {
    EXPECT_THROW(static_cast<void>(select_architectures(space(), {text})), ConfigError) << text;
  }
}

}  // namespace
}  // namespace naslat
