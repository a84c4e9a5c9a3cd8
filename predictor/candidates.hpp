#pragma once

#include <span>
#include <vector>

#include "measure/choose.hpp"
#include "predictor/tasks.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

/// Networks of a space that a predictor may ask for: 2,000 different draws, the same every time; all of a smaller
/// space.
struct Candidates {
  std::vector<Architecture> architectures;
  Encodings encodings;  ///< with their work
};
/// @param modes whose executed blocks the work lists too
[[nodiscard]] Candidates candidates(const SearchSpace& space, std::span<const GraphMode> modes = {});

/// The candidates that would teach most about a device, in that order: the space's designed probes if nothing is known
/// of it (`--archs probe`), else those that its latencies leave most open (`measure --next`).
/// @throws ConfigError if the space has fewer
[[nodiscard]] std::vector<Architecture> most_informative(const SearchSpace& space, std::span<const KnownLatency> known,
                                                         std::size_t count);

}  // namespace naslat
