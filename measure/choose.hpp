#pragma once

#include <span>
#include <vector>

#include "spaces/search_space.hpp"

namespace naslat {

/// A network measured on the device in question.
struct KnownLatency {
  Architecture architecture;
  double latency_s = 0;
};

/// Networks that would teach most about a device of which some latencies are known, in that order. What that means is a
/// predictor's business (predictor/candidates.hpp); measuring only asks. @throws ConfigError if the space has fewer
using ChooseNext = std::vector<Architecture> (*)(const SearchSpace& space, std::span<const KnownLatency> known,
                                                 std::size_t count);

}  // namespace naslat
