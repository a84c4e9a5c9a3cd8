#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace naslat::machine {

/// What the kernel tells about the machine. Every reading is a value or a reason; none may fail a measurement. `root`
/// stands in place of "/": tests pass a fake /proc and /sys tree.
using Root = std::filesystem::path;

/// A value, or why there is none.
struct Reading {
  std::string value, missing_because;
  explicit operator bool() const { return missing_because.empty(); }
};

/// The file's text without trailing white space. @param path absolute, e.g. "/proc/loadavg"
[[nodiscard]] Reading read(const Root& root, const std::string& path);
/// Value of the first "key : value" line of /proc/cpuinfo.
[[nodiscard]] Reading cpuinfo(const Root& root, const std::string& key);

/// "0-3,8" → 0 1 2 3 8; what is not such a list is skipped.
[[nodiscard]] std::vector<int> parse_cpu_list(const std::string& text);
/// Processors the process may run on: /proc/self/status; of this machine also without /proc.
[[nodiscard]] std::vector<int> allowed_cpus(const Root& root);
/// One processor per physical core among `cpus`: the first sibling of each, fast cores before slow ones.
[[nodiscard]] std::vector<int> one_per_core(const Root& root, const std::vector<int>& cpus);

/// CPUs' worth of time that control groups (v1 and v2, own path and all ancestors) grant; nothing where unlimited.
[[nodiscard]] std::optional<double> cpu_quota(const Root& root);
/// Seconds the group was throttled since it exists; nothing where unknown.
[[nodiscard]] std::optional<double> throttled_s(const Root& root);

/// Processor model; on ARM by implementer and part where there is no name.
[[nodiscard]] Reading processor_model(const Root& root);
/// Instruction set extensions that decide which kernels run, e.g. "sse4_1 avx2 avx512f".
[[nodiscard]] Reading instruction_sets(const Root& root);
/// "L1d 48K, L2 2M, L3 96M" of processor 0.
[[nodiscard]] Reading caches(const Root& root);
/// "yes (Vendor Product)", "no", or unknown.
[[nodiscard]] Reading virtualised(const Root& root);

}  // namespace naslat::machine
