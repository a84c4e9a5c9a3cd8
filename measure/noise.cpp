#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "measure/environment.hpp"

namespace naslat {

namespace {

double number(const Environment& environment, const std::string& name) {
  const Fact* fact = environment.find(name);
  return fact ? std::strtod(fact->value.c_str(), nullptr) : 0;
}

std::string text(const Environment& environment, const std::string& name) {
  const Fact* fact = environment.find(name);
  return fact ? fact->value : "";
}

double pressure_percent(const Environment& environment) {
  const std::string pressure = text(environment, "cpu_pressure");
  const auto at = pressure.find("avg10=");
  return at == std::string::npos ? 0 : std::strtod(pressure.c_str() + at + 6, nullptr);
}

void warn_of_frequency(const Environment& environment, std::vector<Warning>& warnings) {
  const std::string governor = text(environment, "governor");
  if (!governor.empty() && governor != "performance") {
    warnings.push_back(
        {fmt::format("the frequency governor is {}", governor), "sudo cpupower frequency-set -g performance"});
  }
  if (text(environment, "intel_no_turbo") == "0" || text(environment, "boost") == "1") {
    warnings.push_back({"turbo frequencies depend on temperature and neighbours",
                        "switch turbo off in /sys/devices/system/cpu (intel_pstate/no_turbo or cpufreq/boost)"});
  }
}

void warn_of_neighbours(const Environment& environment, std::vector<Warning>& warnings) {
  if (text(environment, "virtualised").starts_with("yes")) {
    warnings.push_back({"this is a virtual machine: other guests slow it down for seconds, unseen from inside",
                        "keep visits and anchors on; use a bare or dedicated machine if their spread stays large"});
  }
  if (const double steal_s = number(environment, "steal_s"); steal_s > 0) {
    warnings.push_back({fmt::format("the hypervisor took {:.1f} s of processor time since start", steal_s),
                        "use a machine whose processors are not shared"});
  }
  if (const double percent = pressure_percent(environment); percent > 5) {
    warnings.push_back({fmt::format("other work waits for processors {:.0f}% of the time", percent),
                        "stop it, or measure with fewer --threads"});
  }
  if (environment.find("load") == nullptr && environment.find("steal_s") == nullptr) {
    warnings.push_back({"/proc cannot be read: whether other work or other guests slow this down is unknown",
                        "mount /proc where naslat runs"});
  }
  const double load = number(environment, "load");
  if (load > 0.5) {
    warnings.push_back({fmt::format("load average is {:.1f}", load), "stop other work on this machine"});
  }
}

void warn_of_clock(const Environment& environment, std::vector<Warning>& warnings) {
  const std::string clock = text(environment, "clocksource");
  if (!clock.empty() && clock != "tsc" && clock != "kvm-clock" && clock != "arch_sys_counter") {
    warnings.push_back({fmt::format("the clock source is {}: each reading is a system call of about 1 us", clock),
                        "boot with clocksource=tsc where the processor allows"});
  }
}

}  // namespace

std::vector<Warning> noise_warnings(const Environment& environment, const Device& device) {
  std::vector<Warning> warnings;
  if (device.backend == "simulated") return warnings;
  warn_of_frequency(environment, warnings);
  warn_of_neighbours(environment, warnings);
  warn_of_clock(environment, warnings);
  if (const double quota = number(environment, "cpu_quota"); quota > 0 && quota < device.threads) {
    warnings.push_back(
        {fmt::format("a quota grants {:.3g} CPUs to {} threads: they stall for 50-100 ms", quota, device.threads),
         fmt::format("--threads {}, or raise the quota", std::max(1, static_cast<int>(quota)))});
  }
  if (const std::string cores = text(environment, "cores_usable"); !cores.empty()) {
    const auto count = std::count(cores.begin(), cores.end(), ' ') + 1;
    if (device.threads > count) {
      warnings.push_back(
          {fmt::format("{} threads share {} usable cores", device.threads, count), fmt::format("--threads {}", count)});
    }
  }
  if (device.backend == "onednn" && !device.pinned)
    warnings.push_back({"threads are not bound to cores", "leave --no-pin out"});
  return warnings;
}

}  // namespace naslat
