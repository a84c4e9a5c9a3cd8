#include "spaces/search_space.hpp"

#include <fmt/format.h>

#include "configs/errors.hpp"

namespace naslat {

Architecture SearchSpace::at(std::uint64_t index) const {
  throw ConfigError(fmt::format("{}: index {}: this space is too large to be numbered", name(), index));
}

Architecture sample(const SearchSpace& space, Rng& rng) {
  Architecture architecture;
  for (const Decision& decision : space.decisions()) {
    architecture.choices.push_back(static_cast<std::uint8_t>(rng.below(decision.options.size())));
  }
  return space.canonical(architecture);
}

}  // namespace naslat
