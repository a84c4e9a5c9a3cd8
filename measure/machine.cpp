#include "measure/machine.hpp"

#include <fmt/format.h>
#include <sched.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

namespace naslat::machine {

namespace {

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n\r\0");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1));
}

std::optional<double> to_number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return end == text.c_str() ? std::nullopt : std::optional(value);
}

/// Value of "key value" in a file of such lines.
std::optional<double> keyed_number(const Reading& text, const std::string& key) {
  std::istringstream lines(text.value);
  for (std::string name, value; lines >> name >> value;) {
    if (name == key) return to_number(value);
  }
  return std::nullopt;
}

/// Folders of the process's control group and its ancestors for a controller ("" is version 2), innermost first.
std::vector<std::string> group_folders(const Root& root, const std::string& controller) {
  std::istringstream lines(read(root, "/proc/self/cgroup").value);
  std::string path;
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers != "," + controller + "," && controllers.find("," + controller + ",") == std::string::npos)
      continue;
    path = line.substr(second + 1);
    found = true;
  }
  if (!found) return {};
  std::vector<std::string> mounts = {"/sys/fs/cgroup"};
  if (controller.empty()) mounts.emplace_back("/sys/fs/cgroup/unified");
  if (!controller.empty()) mounts = {"/sys/fs/cgroup/" + controller, "/sys/fs/cgroup/cpu,cpuacct"};
  std::vector<std::string> folders;
  for (const std::string& mount : mounts) {
    for (std::string inner = path;; inner.resize(inner.find_last_of('/'))) {
      while (inner.ends_with('/')) inner.pop_back();
      folders.push_back(mount + inner);
      if (inner.empty()) break;
    }
  }
  return folders;
}

/// ARM parts that boards report without a model name (MIDR implementer, part).
struct ArmPart {
  std::string_view implementer, part, name;
};
constexpr std::array kArmParts = {
    ArmPart{"0x41", "0xd03", "Cortex-A53"},  ArmPart{"0x41", "0xd04", "Cortex-A35"},
    ArmPart{"0x41", "0xd05", "Cortex-A55"},  ArmPart{"0x41", "0xd07", "Cortex-A57"},
    ArmPart{"0x41", "0xd08", "Cortex-A72"},  ArmPart{"0x41", "0xd09", "Cortex-A73"},
    ArmPart{"0x41", "0xd0a", "Cortex-A75"},  ArmPart{"0x41", "0xd0b", "Cortex-A76"},
    ArmPart{"0x41", "0xd0c", "Neoverse-N1"}, ArmPart{"0x41", "0xd0d", "Cortex-A77"},
    ArmPart{"0x41", "0xd40", "Neoverse-V1"}, ArmPart{"0x41", "0xd41", "Cortex-A78"},
    ArmPart{"0x41", "0xd44", "Cortex-X1"},   ArmPart{"0x41", "0xd49", "Neoverse-N2"},
    ArmPart{"0x41", "0xd4f", "Neoverse-V2"}, ArmPart{"0x46", "0x001", "A64FX"},
    ArmPart{"0xc0", "0xac3", "Ampere-1"},
};

/// What the kernel knows where /proc is not mounted. Nothing on machines beyond 1,024 processors.
std::vector<int> affinity_of_process() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &mask)) cpus.push_back(cpu);
  }
  return cpus;
}

/// What the processor calls itself. Empty on ARM, where only the kernel may ask.
std::string brand() {
  std::string name;
#if defined(__x86_64__)
  constexpr unsigned kFirst = 0x80000002, kLast = 0x80000004;
  for (unsigned leaf = kFirst; leaf <= kLast; ++leaf) {
    std::array<unsigned, 4> words{};
    if (__get_cpuid(leaf, &words[0], &words[1], &words[2], &words[3]) == 0) return "";
    name.append(reinterpret_cast<const char*>(words.data()), sizeof words);
  }
  name.resize(std::min(name.size(), name.find('\0')));
#endif
  return trimmed(name);
}

}  // namespace

Reading read(const Root& root, const std::string& path) {
  const Root full = root / path.substr(1);
  std::error_code error;
  if (!std::filesystem::exists(full, error)) return {"", error ? error.message() : "absent"};
  if (std::filesystem::is_directory(full, error)) return {"", "a folder"};
  std::ifstream file(full, std::ios::binary);
  if (!file) return {"", errno == EACCES ? "no permission" : std::strerror(errno)};
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return {"", "unreadable"};
  text = trimmed(text);
  if (text.empty()) return {"", "empty"};
  return {text, ""};
}

Reading cpuinfo(const Root& root, const std::string& key) {
  const Reading all = read(root, "/proc/cpuinfo");
  if (!all) return all;
  std::istringstream lines(all.value);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon != std::string::npos && trimmed(line.substr(0, colon)) == key) {
      const std::string value = trimmed(line.substr(colon + 1));
      if (!value.empty()) return {value, ""};
    }
  }
  return {"", "not in /proc/cpuinfo"};
}

std::vector<int> parse_cpu_list(const std::string& text) {
  std::vector<int> cpus;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const char* const end = part.data() + part.size();
    int first = 0, last = 0;
    auto parsed = std::from_chars(part.data(), end, first);
    if (parsed.ec != std::errc{}) continue;
    last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') parsed = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed.ec != std::errc{} || last - first > 65536) continue;
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<int> allowed_cpus(const Root& root) {
  std::istringstream lines(read(root, "/proc/self/status").value);
  constexpr std::string_view kKey = "Cpus_allowed_list:";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kKey)) return parse_cpu_list(trimmed(line.substr(kKey.size())));
  }
  return root == "/" ? affinity_of_process() : std::vector<int>{};
}

std::vector<int> one_per_core(const Root& root, const std::vector<int>& cpus) {
  struct Core {
    int cpu;
    double capacity;
  };
  std::vector<Core> cores;
  std::set<int> siblings_seen;
  for (const int cpu : cpus) {
    if (siblings_seen.contains(cpu)) continue;
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}", cpu);
    for (const int sibling : parse_cpu_list(read(root, folder + "/topology/thread_siblings_list").value)) {
      siblings_seen.insert(sibling);
    }
    cores.push_back({cpu, to_number(read(root, folder + "/cpu_capacity").value).value_or(0)});
  }
  std::stable_sort(cores.begin(), cores.end(), [](const Core& a, const Core& b) { return a.capacity > b.capacity; });
  std::vector<int> chosen;
  for (const Core& core : cores) chosen.push_back(core.cpu);
  return chosen;
}

std::optional<double> cpu_quota(const Root& root) {
  std::optional<double> least;
  const auto grant = [&](std::optional<double> quota, std::optional<double> period) {
    if (quota && period && *quota > 0 && *period > 0) least = std::min(least.value_or(1e9), *quota / *period);
  };
  for (const std::string& folder : group_folders(root, "")) {
    std::istringstream words(read(root, folder + "/cpu.max").value);
    std::string quota, period;
    words >> quota >> period;
    if (quota != "max") grant(to_number(quota), to_number(period));
  }
  for (const std::string& folder : group_folders(root, "cpu")) {
    grant(to_number(read(root, folder + "/cpu.cfs_quota_us").value),
          to_number(read(root, folder + "/cpu.cfs_period_us").value));
  }
  return least;
}

std::optional<double> throttled_s(const Root& root) {
  std::optional<double> sum_s;  // whoever of the groups around holds this process up
  for (const std::string& folder : group_folders(root, "")) {
    if (const auto us = keyed_number(read(root, folder + "/cpu.stat"), "throttled_usec")) {
      sum_s = sum_s.value_or(0) + *us * 1e-6;
    }
  }
  for (const std::string& folder : group_folders(root, "cpu")) {
    if (const auto ns = keyed_number(read(root, folder + "/cpu.stat"), "throttled_time")) {
      sum_s = sum_s.value_or(0) + *ns * 1e-9;
    }
  }
  return sum_s;
}

Reading processor_model(const Root& root) {
  if (Reading name = cpuinfo(root, "model name")) return name;
  if (const std::string name = root == "/" ? brand() : ""; !name.empty()) return {name, ""};
  const Reading implementer = cpuinfo(root, "CPU implementer"), part = cpuinfo(root, "CPU part");
  if (!part) return {"", "no model name and no part number in /proc/cpuinfo"};
  for (const ArmPart& known : kArmParts) {
    if (known.implementer == implementer.value && known.part == part.value) return {std::string(known.name), ""};
  }
  return {fmt::format("arm {} {}", implementer.value, part.value), ""};
}

Reading instruction_sets(const Root& root) {
  Reading flags = cpuinfo(root, "flags");
  if (!flags) flags = cpuinfo(root, "Features");
  if (!flags) return flags;
  constexpr std::array kKnown = {"sse4_1",   "avx",         "avx2",        "fma",         "avx_vnni", "avx512f",
                                 "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8",
                                 "amx_bf16", "amx_fp16",    "asimd",       "asimddp",     "asimdhp",  "bf16",
                                 "i8mm",     "sve",         "sve2"};
  const std::string words = " " + flags.value + " ";
  std::string found;
  for (const std::string known : kKnown) {
    if (words.find(" " + known + " ") != std::string::npos) found += (found.empty() ? "" : " ") + known;
  }
  if (found.empty()) return {"", "none of those we know"};
  return {found, ""};
}

Reading caches(const Root& root) {
  std::string text;
  for (int i = 0; i < 8; ++i) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}", i);
    const Reading level = read(root, folder + "/level"), type = read(root, folder + "/type");
    const Reading size = read(root, folder + "/size");
    if (!level || !size || type.value == "Instruction") continue;
    text +=
        fmt::format("{}L{}{} {}", text.empty() ? "" : ", ", level.value, type.value == "Data" ? "d" : "", size.value);
  }
  if (text.empty()) return {"", "no cache folders under /sys/devices/system/cpu/cpu0"};
  return {text, ""};
}

Reading virtualised(const Root& root) {
  const Reading vendor = read(root, "/sys/class/dmi/id/sys_vendor"), type = read(root, "/sys/hypervisor/type");
  const Reading product = read(root, "/sys/class/dmi/id/product_name");
  const Reading flags = cpuinfo(root, "flags");
  if ((" " + flags.value + " ").find(" hypervisor ") != std::string::npos || type) {
    const std::string by = trimmed(fmt::format("{} {} {}", type.value, vendor.value, product.value));
    return {by.empty() ? "yes" : fmt::format("yes ({})", by), ""};
  }
  if (flags) return {"no", ""};
  return {"", "unknown: no processor flags"};
}

}  // namespace naslat::machine
