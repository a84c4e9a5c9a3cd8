#pragma once

#include <span>
#include <vector>

#include "measure/backend.hpp"

namespace naslat {

/// HELP Appendix A.2: 50 runs to activate the device, the first ten measurements discarded, 50 timed, the top and
/// bottom 10% dropped. A sweep splits each network's timed runs into visits (measurement-notes 4); visits = 1 without
/// an anchor is the paper's order.
struct Protocol {
  int warmup_runs = 50, discarded_runs = 10, timed_runs = 50;
  double trim_fraction = 0.10;
  int visits = 5;
  int visit_discarded_runs = 3;  ///< discarded at the start of each visit after the first
  bool anchor = true;

  bool operator==(const Protocol&) const = default;
};

/// @throws ConfigError naming the option, got and wanted
void validate(const Protocol& protocol);

/// Runs `discarded` executions unrecorded, then times one execution per element of `samples_s`. Nothing but the
/// execution lies between two clock reads.
void time_runs(Executable& executable, const Clock& now, int discarded, std::span<double> samples_s);

/// HELP's latency: the mean of the middle samples, trim_fraction of them dropped at either end. @pre !samples_s.empty()
[[nodiscard]] double trimmed_mean(std::span<const double> samples_s, double trim_fraction);

}  // namespace naslat
