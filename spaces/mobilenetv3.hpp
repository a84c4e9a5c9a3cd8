#pragma once

#include <memory>
#include <string>

#include "spaces/search_space.hpp"

namespace naslat {

/// The MobileNetV3 space of Once-for-All (Cai et al. 2020): five stages of 2 to 4 MBConv blocks, kernels 3, 5, 7,
/// expansions 3, 4, 6, resolutions 128, 132, …, 224. HELP measures width 1.2.
[[nodiscard]] std::unique_ptr<SearchSpace> make_mobilenetv3(const std::string& name, double width);

}  // namespace naslat
