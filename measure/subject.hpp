#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "measure/backend.hpp"
#include "measure/measurement.hpp"

namespace naslat {

/// One network of the open window.
struct Subject {
  std::unique_ptr<Executable> executable;
  Measurement record;
  std::optional<Measurement> earlier{};   ///< calmest complete timing before this one
  std::vector<double> block_samples_s{};  ///< runs × blocks
  int visits_done = 0;
  bool warm = false, recorded = false;
  bool anchors_part = false, drifting = false;

  [[nodiscard]] bool complete() const { return visits_done == record.protocol.visits; }

  /// Of all complete timings one that was not disturbed, else the one that was preempted least.
  [[nodiscard]] const Measurement& calmest() const;
  void start_again();
  /// What its runs block by block say: HELP's statistic with whole runs dropped, those of the slowest and fastest
  /// totals. Dropping each block's own extremes would make the blocks add up to less than the network.
  [[nodiscard]] std::vector<BlockLatency> block_latencies() const;
};

}  // namespace naslat
