#pragma once

#include <memory>

#include "spaces/search_space.hpp"

namespace naslat {

/// Well-known networks by name: the baselines of HELP's Table 5, and networks that searches of HELP and Once-for-All
/// found in the MobileNetV3 space.
[[nodiscard]] std::unique_ptr<SearchSpace> make_zoo();

}  // namespace naslat
