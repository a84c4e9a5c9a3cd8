#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "measure/backend.hpp"
#include "measure/statistics.hpp"

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
/// On one line: runs, visits, trimming, anchors.
[[nodiscard]] std::string describe(const Protocol& protocol);

/// Timed runs of visit 0, 1, …: timed_runs split evenly, the first visits take what is left over.
[[nodiscard]] std::size_t visit_runs(const Protocol& protocol, int visit);

/// Runs `discarded` executions unrecorded, then times one execution per element of `samples_s`. Nothing but the
/// execution lies between two clock reads.
/// @param device_samples_s  gets the device's own times of the same runs appended, where it has a clock
/// @returns seconds inside executions, discarded ones included
/// @throws Interrupted between two runs
double time_runs(Executable& executable, const Clock& now, int discarded, std::span<double> samples_s,
                 std::vector<double>* device_samples_s = nullptr);

/// Times every block while the whole network runs (HELP A.2), `runs` times.
/// @param samples_s  runs × blocks, row-major; sized before timing begins
/// @returns seconds inside executions
/// @throws Interrupted between two runs
double time_blocks(Executable& executable, const Clock& now, std::size_t runs, std::span<double> samples_s);

}  // namespace naslat
