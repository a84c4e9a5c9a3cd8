#include "measure/environment.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "measure/backends/simulated/simulated.hpp"
#include "measure/disturbance.hpp"
#include "measure/machine.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

/// A backend of which only the facts matter here.
class Library final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "onednn"; }
  [[nodiscard]] std::vector<Device> devices() const override { return {}; }
  [[nodiscard]] std::unique_ptr<Executable> compile(const Network&, const Device&) override { return nullptr; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts() const override {
    return {{"onednn", "3.7.2"}};
  }
};

void add_cpu(const TemporaryFolder& root, int cpu, const std::string& siblings, const std::string& capacity = "") {
  const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu);
  root.write(folder + "/topology/thread_siblings_list", siblings + "\n");
  if (!capacity.empty()) root.write(folder + "/cpu_capacity", capacity + "\n");
}

void add_server(const TemporaryFolder& root) {
  root.write("proc/cpuinfo",
             "processor\t: 0\nmodel name\t: AMD EPYC 9654 96-Core Processor\nmicrocode\t: 0xa101144\n"
             "flags\t\t: fpu sse4_1 avx2 avx512f avx512_bf16\n");
  root.write("proc/self/status", "Name:\tnaslat\nCpus_allowed_list:\t0-7\n");
  root.write("proc/stat", "cpu  1 2 3 4 5 6 7 250 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n");
  for (int cpu = 0; cpu < 8; ++cpu) add_cpu(root, cpu, std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4));
  root.write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n");
  root.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  root.write("sys/devices/system/cpu/cpu0/cache/index0/level", "1\n");
  root.write("sys/devices/system/cpu/cpu0/cache/index0/type", "Data\n");
  root.write("sys/devices/system/cpu/cpu0/cache/index0/size", "32K\n");
}

std::string value(const Environment& environment, const std::string& name) {
  const Fact* fact = environment.find(name);
  return fact ? fact->value : "";
}

bool warns(const std::vector<Warning>& warnings, const std::string& words) {
  return std::any_of(warnings.begin(), warnings.end(),
                     [&](const Warning& w) { return w.cause.find(words) != std::string::npos && !w.remedy.empty(); });
}

TEST(Environment, ReadsABareServer) {
  const TemporaryFolder root;
  add_server(root);
  const Environment environment = inspect_environment(Library(), root.path());
  EXPECT_EQ(value(environment, "cpu_model"), "AMD EPYC 9654 96-Core Processor");
  EXPECT_EQ(value(environment, "instruction_sets"), "sse4_1 avx2 avx512f avx512_bf16");
  EXPECT_EQ(value(environment, "caches"), "L1d 32K");
  EXPECT_EQ(value(environment, "cores_usable"), "0 1 2 3");
  EXPECT_EQ(value(environment, "virtualised"), "no");
  EXPECT_EQ(value(environment, "onednn"), "3.7.2");
  EXPECT_EQ(value(environment, "steal_s"), "2.50");
  EXPECT_EQ(environment.find("boost"), nullptr);
  EXPECT_EQ(processor_short_name(root.path()), "epyc-9654");

  const auto warnings = noise_warnings(environment, {.backend = "onednn", .hardware = "x", .isa = "", .threads = 6});
  EXPECT_TRUE(warns(warnings, "governor is schedutil"));
  EXPECT_TRUE(warns(warnings, "clock source is hpet"));
  EXPECT_TRUE(warns(warnings, "6 threads share 4 usable cores"));
  EXPECT_FALSE(warns(warnings, "virtual machine"));
  EXPECT_FALSE(warns(warnings, "/proc"));
}

TEST(Environment, WithoutProcNobodyKnowsWhatDisturbs) {
  const TemporaryFolder root;
  const Environment environment = inspect_environment(Library(), root.path());
  EXPECT_TRUE(warns(noise_warnings(environment, {.backend = "onednn", .hardware = "x", .isa = "", .threads = 1}),
                    "/proc cannot be read"));
}

TEST(Environment, KeyFollowsWhatDecidesLatenciesAndNothingElse) {
  const TemporaryFolder root;
  add_server(root);
  const std::string key = inspect_environment(Library(), root.path()).key;
  root.write("proc/loadavg", "9.00 1.0 1.0 1/200 12\n");
  EXPECT_EQ(inspect_environment(Library(), root.path()).key, key);
  root.write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  EXPECT_NE(inspect_environment(Library(), root.path()).key, key);
}

TEST(Environment, OfASimulatedDeviceOwesNothingToTheMachine) {
  const TemporaryFolder root;
  const auto backend = make_simulated_backend();
  EXPECT_EQ(inspect_environment(*backend, root.path()), inspect_environment(*backend));
  EXPECT_TRUE(noise_warnings(inspect_environment(*backend), backend->devices().front()).empty());
}

TEST(Environment, IsAListOfReasonsWhereNothingCanBeRead) {
  const TemporaryFolder root;
  const Environment environment = inspect_environment(Library(), root.path());
  for (const Fact& fact : environment.facts) {
    EXPECT_NE(fact.value.empty(), fact.missing_because.empty()) << fact.name;
  }
  EXPECT_EQ(usable_cores(root.path()), std::vector<int>{0});
  EXPECT_EQ(processor_short_name(root.path()), "cpu");
}

TEST(Environment, NamesUnreadableFiles) {
  const TemporaryFolder root;
  root.write("sys/kernel/mm/transparent_hugepage/enabled/file", "a folder where a file should be");
  root.write("proc/loadavg", "");
  EXPECT_EQ(machine::read(root.path(), "/sys/kernel/mm/transparent_hugepage/enabled").missing_because, "a folder");
  EXPECT_EQ(machine::read(root.path(), "/proc/loadavg").missing_because, "empty");
  EXPECT_EQ(machine::read(root.path(), "/proc/none").missing_because, "absent");
}

TEST(Machine, ReadsQuotasOfOwnGroupAndAncestors) {
  const TemporaryFolder v2, v1, mixed;
  v2.write("proc/self/cgroup", "0::/a/b\n");
  v2.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  v2.write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  v2.write("sys/fs/cgroup/a/b/cpu.stat", "usage_usec 5\nnr_throttled 1\nthrottled_usec 2500000\n");
  EXPECT_DOUBLE_EQ(*machine::cpu_quota(v2.path()), 1.5);
  EXPECT_DOUBLE_EQ(*machine::throttled_s(v2.path()), 2.5);
  v2.write("sys/fs/cgroup/a/cpu.stat", "throttled_usec 500000\n");
  EXPECT_DOUBLE_EQ(*machine::throttled_s(v2.path()), 3);

  v1.write("proc/self/cgroup", "4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n");
  v1.write("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "50000\n");
  v1.write("sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000\n");
  v1.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  v1.write("sys/fs/cgroup/cpu/cpu.stat", "throttled_time 1500000000\n");
  EXPECT_DOUBLE_EQ(*machine::cpu_quota(v1.path()), 0.5);
  EXPECT_DOUBLE_EQ(*machine::throttled_s(v1.path()), 1.5);

  mixed.write("proc/self/cgroup", "2:cpu:/\n0::/\n");
  mixed.write("sys/fs/cgroup/unified/cpu.max", "300000 100000\n");
  mixed.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  mixed.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(*machine::cpu_quota(mixed.path()), 2);
  EXPECT_FALSE(machine::cpu_quota(TemporaryFolder().path()));
}

TEST(UsableCores, AreClampedToTheQuota) {
  const TemporaryFolder root;
  add_server(root);
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  EXPECT_EQ(usable_cores(root.path()), (std::vector<int>{0, 1}));
  root.write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(usable_cores(root.path()), std::vector<int>{0});
  const Environment environment = inspect_environment(Library(), root.path());
  EXPECT_TRUE(warns(noise_warnings(environment, {.backend = "onednn", .hardware = "x", .isa = "", .threads = 2}),
                    "quota grants 0.5 CPUs to 2 threads"));
}

TEST(UsableCores, OfAHybridProcessorBeginWithTheFastOnes) {
  const TemporaryFolder root;
  root.write("proc/self/status", "Cpus_allowed_list:\t0-5\n");
  for (int cpu = 0; cpu < 4; ++cpu) add_cpu(root, cpu, std::to_string(cpu), "400");
  for (int cpu = 4; cpu < 6; ++cpu) add_cpu(root, cpu, std::to_string(cpu), "1024");
  EXPECT_EQ(usable_cores(root.path()), (std::vector<int>{4, 5, 0, 1, 2, 3}));
}

TEST(ProcessorShortName, IsWhatPeopleCallTheProcessor) {
  const std::pair<const char*, const char*> cases[] = {
      {"model name : Intel(R) Xeon(R) 6960P", "xeon-6960p"},
      {"model name : Intel(R) Xeon(R) Processor", "xeon"},
      {"model name : Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz", "core-i7-8700k"},
      {"model name : Intel(R) Xeon(R) Gold 6226 CPU @ 2.70GHz", "xeon-gold-6226"},
      {"model name : AMD Ryzen 7 5800X 8-Core Processor", "ryzen-7-5800x"},
      {"CPU implementer : 0x41\nCPU part : 0xd08", "cortex-a72"},
      {"CPU implementer : 0x99\nCPU part : 0xabc", "arm-0x99-0xabc"},
  };
  for (const auto& [cpuinfo, name] : cases) {
    const TemporaryFolder root;
    root.write("proc/cpuinfo", std::string(cpuinfo) + "\n");
    EXPECT_EQ(processor_short_name(root.path()), name);
  }
}

TEST(Machine, ReadsCpuListsAndSkipsNonsense) {
  EXPECT_EQ(machine::parse_cpu_list("0-2,5"), (std::vector<int>{0, 1, 2, 5}));
  EXPECT_EQ(machine::parse_cpu_list("x,3,4-,9999999999"), std::vector<int>{3});
  EXPECT_TRUE(machine::parse_cpu_list("0-999999999").empty());
}

TEST(Disturbance, ReadsStealAndThrottlingAsDifferences) {
  const TemporaryFolder root;
  add_server(root);
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.stat", "throttled_usec 100000\n");
  double time_s = 0;
  int readings = 0;
  const Clock preempted_once = [&] { return time_s += ++readings == 2 ? 0.01 : 1e-5; };
  const DisturbanceCounters counters(root.path(), preempted_once);
  const Disturbance before = counters.read();
  root.write("proc/stat", "cpu  1 2 3 4 5 6 7 300 0 0\n");
  root.write("sys/fs/cgroup/cpu.stat", "throttled_usec 600000\n");
  const Disturbance passed = counters.read() - before;
  EXPECT_NEAR(passed.steal_s, 50.0 / static_cast<double>(sysconf(_SC_CLK_TCK)), 1e-9);
  EXPECT_NEAR(passed.throttled_s, 0.5, 1e-9);
  EXPECT_TRUE(disturbed(passed, 50));
  EXPECT_FALSE(disturbed({.involuntary_switches = 25}, 50));
  EXPECT_TRUE(disturbed({.involuntary_switches = 26}, 50));
}

TEST(Disturbance, DoesWithoutSourcesThatAreAlwaysSlow) {
  const TemporaryFolder root;
  add_server(root);
  root.write("proc/stat", "cpu  1 2 3 4 5 6 7 300 0 0\n");
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.stat", "throttled_usec 100000\n");
  double time_s = 0;
  const DisturbanceCounters counters(root.path(), [&] { return time_s += 0.01; });
  EXPECT_EQ(counters.read().steal_s, 0);
  EXPECT_EQ(counters.read().throttled_s, 0);
}

}  // namespace
}  // namespace naslat
