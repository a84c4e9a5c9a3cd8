#include "measure/environment.hpp"

#include <fmt/format.h>
#include <gnu/libc-version.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "measure/machine.hpp"
#include "spaces/hash.hpp"

namespace naslat {

namespace {

using machine::Reading;
using machine::Root;

/// Facts that come from one file each.
struct FileFact {
  const char *name, *path;
};
constexpr std::array kFileFacts = {
    FileFact{"governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"},
    FileFact{"frequency_min_khz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq"},
    FileFact{"frequency_max_khz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq"},
    FileFact{"frequency_now_khz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"},
    FileFact{"intel_no_turbo", "/sys/devices/system/cpu/intel_pstate/no_turbo"},
    FileFact{"boost", "/sys/devices/system/cpu/cpufreq/boost"},
    FileFact{"smt_active", "/sys/devices/system/cpu/smt/active"},
    FileFact{"numa_nodes", "/sys/devices/system/node/online"},
    FileFact{"clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource"},
    FileFact{"kernel", "/proc/sys/kernel/osrelease"},
    FileFact{"huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled"},
    FileFact{"aslr", "/proc/sys/kernel/randomize_va_space"},
    FileFact{"load", "/proc/loadavg"},
    FileFact{"cpu_pressure", "/proc/pressure/cpu"},
    FileFact{"temperature_millicelsius", "/sys/class/thermal/thermal_zone0/temp"},
    FileFact{"throttle_count", "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"},
    FileFact{"energy_uj", "/sys/class/powercap/intel-rapl:0/energy_uj"},
    FileFact{"perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid"},
    FileFact{"uptime_s", "/proc/uptime"},
};

/// What makes two environments two: everything that decides latencies and stays as it is between two runs.
constexpr std::array<std::string_view, 23> kKeyFacts = {
    "simulated",       "cpu_model",       "cpu_microcode", "instruction_sets",
    "virtualised",     "cpu_quota",       "governor",      "boost",
    "intel_no_turbo",  "smt_active",      "clocksource",   "kernel",
    "onednn",          "naslat",          "onednn_commit", "onednn_runtime",
    "compiler",        "omp_wait_policy", "gpu",           "gpu_driver",
    "gpu_driver_cuda", "cudnn",           "cublaslt"};

std::string hash_text(std::string_view text) { return fmt::format("{:016x}", Fnv1a().add(text).value()); }

Fact fact(std::string name, Reading reading) {
  std::replace(reading.value.begin(), reading.value.end(), '\n', ';');
  return {std::move(name), std::move(reading.value), std::move(reading.missing_because)};
}

Reading first_words(Reading reading, std::size_t count) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < count && end != std::string::npos; ++i) end = reading.value.find(' ', end + (i > 0));
  reading.value = reading.value.substr(0, end);
  return reading;
}

/// Seconds taken by the hypervisor since start, all processors. 0 may mean unknown in a container.
Reading steal_since_boot(const Root& root) {
  const Reading stat = machine::read(root, "/proc/stat");
  if (!stat) return stat;
  std::array<long long, 8> ticks{};
  const int found = std::sscanf(stat.value.c_str(), "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &ticks[0], &ticks[1],
                                &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]);
  if (found < 8) return {"", "not in /proc/stat"};
  return {fmt::format("{:.2f}", static_cast<double>(ticks[7]) / 100), ""};
}

Reading memory_total(const Root& root) {
  const Reading all = machine::read(root, "/proc/meminfo");
  if (!all) return all;
  long long kib = 0;
  if (std::sscanf(all.value.c_str(), "MemTotal: %lld", &kib) != 1) return {"", "not in /proc/meminfo"};
  return {fmt::format("{}", kib * 1024), ""};
}

struct Processors {
  std::vector<int> allowed, usable;
};

Processors processors(const Root& root) {
  const auto inspect = [](const Root& tree) {
    const std::vector<int> allowed = machine::allowed_cpus(tree);
    std::vector<int> cores = machine::one_per_core(tree, allowed);
    if (const auto quota = machine::cpu_quota(tree)) {
      const auto granted = std::max<std::size_t>(1, static_cast<std::size_t>(*quota));
      if (cores.size() > granted) cores.resize(granted);
    }
    if (cores.empty()) cores.push_back(0);
    return Processors{allowed, cores};
  };
  if (root != "/") return inspect(root);
  static const Processors here = inspect("/");  // before binding a thread narrows what the process sees
  return here;
}

void add_machine(std::vector<Fact>& facts, const Root& root) {
  facts.push_back(fact("cpu_model", machine::processor_model(root)));
  facts.push_back(fact("cpu_microcode", machine::cpuinfo(root, "microcode")));
  facts.push_back(fact("instruction_sets", machine::instruction_sets(root)));
  facts.push_back(fact("caches", machine::caches(root)));
  const std::vector<int> allowed = processors(root).allowed;
  const std::string count = allowed.empty() ? "" : fmt::format("{}", allowed.size());
  facts.push_back({"processors_allowed", count, allowed.empty() ? "no affinity list" : ""});
  facts.push_back({"cores_usable", fmt::format("{}", fmt::join(usable_cores(root), " ")), ""});
  const auto quota = machine::cpu_quota(root);
  facts.push_back({"cpu_quota", quota ? fmt::format("{:.3g}", *quota) : "", quota ? "" : "no quota known"});
  facts.push_back(fact("virtualised", machine::virtualised(root)));
  for (const FileFact& file : kFileFacts) {
    Reading reading = machine::read(root, file.path);
    if (file.name == std::string_view("load")) reading = first_words(std::move(reading), 3);
    if (file.name == std::string_view("uptime_s")) reading = first_words(std::move(reading), 1);
    facts.push_back(fact(file.name, std::move(reading)));
  }
  facts.push_back(fact("memory_bytes", memory_total(root)));
  facts.push_back(fact("steal_s", steal_since_boot(root)));
  const char* policy = std::getenv("OMP_WAIT_POLICY");
  facts.push_back({"omp_wait_policy", policy ? policy : "", policy ? "" : "not set"});
}

}  // namespace

const Fact* Environment::find(const std::string& name) const {
  const auto found = std::find_if(facts.begin(), facts.end(), [&](const Fact& f) { return f.name == name; });
  return found == facts.end() || !found->missing_because.empty() ? nullptr : &*found;
}

Environment inspect_environment(const Backend& backend, const Root& root) {
  Environment environment;
  for (const auto& [name, value] : backend.facts()) environment.facts.push_back({name, value, ""});
  environment.facts.push_back({"naslat", NASLAT_VERSION, ""});
  if (!backend.simulated()) {  // a simulated device owes nothing to this machine
    environment.facts.push_back({"revision", NASLAT_REVISION, ""});
    environment.facts.push_back({"compiler", "gcc " __VERSION__, ""});
    environment.facts.push_back({"glibc", gnu_get_libc_version(), ""});
    add_machine(environment.facts, root);
  }
  std::string text;
  for (const std::string_view name : kKeyFacts) {
    if (const Fact* found = environment.find(std::string(name))) text += fmt::format("{}={};", name, found->value);
  }
  environment.key = hash_text(text);
  return environment;
}

std::vector<int> usable_cores(const Root& root) { return processors(root).usable; }

std::string processor_short_name(const Root& root) {
  std::string model = machine::processor_model(root).value;
  for (char& c : model) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view mark : {"(r)", "(tm)"}) {
    for (auto at = model.find(mark); at != std::string::npos; at = model.find(mark))
      model.replace(at, mark.size(), " ");
  }
  for (const std::string_view tail : {"@", "with radeon"}) model.resize(std::min(model.size(), model.find(tail)));
  std::istringstream words(model);
  std::string name;
  for (std::string word; words >> word;) {
    if (word == "cpu" || word == "processor" || word == "intel" || word == "amd" || word.ends_with("-core")) continue;
    std::erase_if(word, [](unsigned char c) { return !std::isalnum(c) && c != '-'; });
    if (!word.empty()) name += (name.empty() ? "" : "-") + word;
  }
  return name.empty() ? "cpu" : name;
}

}  // namespace naslat
