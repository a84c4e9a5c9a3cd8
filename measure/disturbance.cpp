#include "measure/disturbance.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "measure/machine.hpp"

namespace naslat {

namespace {

constexpr double kSlowReading_s = 1e-3;  // on machines with hundreds of processors /proc/stat takes longer

/// Whether the quickest of a few readings is slow: a single one may only have been preempted.
template <typename Read>
bool is_slow(const Read& read, const Clock& now) {
  double quickest_s = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const double start_s = now();
    static_cast<void>(read());
    quickest_s = std::min(quickest_s, now() - start_s);
  }
  return quickest_s > kSlowReading_s;
}

}  // namespace

DisturbanceCounters::DisturbanceCounters(const std::filesystem::path& root, const Clock& now) : root_(root) {
  stat_ = open((root / "proc/stat").c_str(), O_RDONLY | O_CLOEXEC);
  if (stat_ >= 0 && is_slow([&] { return steal_s(); }, now)) {
    close(stat_);
    stat_ = -1;
  }
  const auto throttled_s = [&] { return machine::throttled_s(root); };
  throttling_known_ = throttled_s().has_value() && !is_slow(throttled_s, now);
}

DisturbanceCounters::~DisturbanceCounters() {
  if (stat_ >= 0) close(stat_);
}

double DisturbanceCounters::steal_s() const {
  if (stat_ < 0) return 0;
  std::array<char, 256> text{};
  if (pread(stat_, text.data(), text.size() - 1, 0) <= 0) return 0;
  long long ticks = 0;
  if (std::sscanf(text.data(), "cpu %*d %*d %*d %*d %*d %*d %*d %lld", &ticks) != 1) return 0;
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Disturbance DisturbanceCounters::read() const {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  Disturbance now;
  now.involuntary_switches = usage.ru_nivcsw;
  now.major_faults = usage.ru_majflt;
  now.steal_s = steal_s();
  if (throttling_known_) now.throttled_s = machine::throttled_s(root_).value_or(0);
  return now;
}

Disturbance operator-(const Disturbance& later, const Disturbance& earlier) {
  Disturbance difference;
  difference.involuntary_switches = later.involuntary_switches - earlier.involuntary_switches;
  difference.major_faults = later.major_faults - earlier.major_faults;
  difference.steal_s = std::max(0.0, later.steal_s - earlier.steal_s);
  difference.throttled_s = std::max(0.0, later.throttled_s - earlier.throttled_s);
  return difference;
}

bool disturbed(const Disturbance& disturbance, int runs) {
  return disturbance.involuntary_switches > runs / 2 || disturbance.steal_s > 0 || disturbance.throttled_s > 0;
}

}  // namespace naslat
