#pragma once

#include <filesystem>
#include <optional>

#include "measure/backend.hpp"
#include "measure/measurement.hpp"

namespace naslat {

/// Reads how much the system has disturbed the process so far; the difference of two readings is a visit's share.
class DisturbanceCounters {
 public:
  /// Sources that are absent, or by `now` too slow to be read between visits, count as 0.
  explicit DisturbanceCounters(const std::filesystem::path& root = "/", const Clock& now = steady_clock());
  ~DisturbanceCounters();
  DisturbanceCounters(const DisturbanceCounters&) = delete;
  DisturbanceCounters& operator=(const DisturbanceCounters&) = delete;

  [[nodiscard]] Disturbance read() const;

 private:
  [[nodiscard]] double steal_s() const;

  std::filesystem::path root_;
  int stat_ = -1;  ///< /proc/stat, kept open
  bool throttling_known_ = false;
};

[[nodiscard]] Disturbance operator-(const Disturbance& later, const Disturbance& earlier);

/// Preempted in more than half of its runs, or robbed of processor time: worth timing again.
[[nodiscard]] bool disturbed(const Disturbance& disturbance, int runs);

}  // namespace naslat
