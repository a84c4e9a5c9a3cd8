#pragma once

#include <optional>
#include <string>

#include "measure/dataset.hpp"

namespace naslat {

/// How well the first two passes over the same networks agree (measurement-notes 4).
struct Repeatability {
  std::size_t networks = 0;
  double spearman = 0;
  double median_difference = 0, p95_difference = 0;  ///< |log ratio| of the corrected latencies
  double flipped_pairs = 0;                          ///< share of pairs more than 2% apart whose order flips
  double spread = 0;                                 ///< 90th / 10th percentile of the latencies

  /// A: 95% of networks differ by at most 1%; B 3%; C 8%; D beyond.
  [[nodiscard]] char grade() const;
};

/// Repeats 0 and 1 of a device; nothing if fewer than 3 networks have both.
[[nodiscard]] std::optional<Repeatability> repeatability(const Dataset& dataset, const std::string& space,
                                                         const std::string& device);

}  // namespace naslat
