#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "spaces/search_space.hpp"

namespace naslat {

/// The MobileNetV3 space of Once-for-All (Cai et al. 2020): five stages of 2 to 4 MBConv blocks, kernels 3, 5, 7,
/// expansions 3, 4, 6, resolutions 128, 132, …, 224. HELP measures width 1.2.
/// @param most_resolution that a text may say; those above 224 belong to networks of Once-for-All, not to the space,
/// and have no encoding
[[nodiscard]] std::unique_ptr<SearchSpace> make_mobilenetv3(const std::string& name, double width,
                                                            std::int64_t most_resolution = 224);

}  // namespace naslat
