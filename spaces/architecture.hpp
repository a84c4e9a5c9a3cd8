#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace naslat {

/// The choices taken: one option index per Decision of the architecture's search space, in the space's order.
struct Architecture {
  std::vector<std::uint8_t> choices;

  auto operator<=>(const Architecture&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees a 0 in it
};

}  // namespace naslat
