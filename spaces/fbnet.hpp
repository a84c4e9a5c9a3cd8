#pragma once

#include <memory>
#include <string>

#include "spaces/search_space.hpp"

namespace naslat {

/// The two forms of FBNet's macro structure (search-spaces.md 3.2).
struct FbnetForm {
  std::int64_t resolution = 32, classes = 100, head = 1504;
  std::int64_t early_stride = 1;  ///< of the stem and of position 2: 1 for CIFAR, 2 for ImageNet
};
inline constexpr FbnetForm kFbnetCifar{};
inline constexpr FbnetForm kFbnetImagenet{.resolution = 224, .classes = 1000, .head = 1984, .early_stride = 2};

/// FBNet (Wu et al. 2019) as in HW-NAS-Bench and HELP: 22 positions, nine candidates each.
[[nodiscard]] std::unique_ptr<SearchSpace> make_fbnet(const std::string& name, const FbnetForm& form);

}  // namespace naslat
