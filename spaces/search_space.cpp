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

Architecture mutate(const SearchSpace& space, Architecture architecture, double probability, Rng& rng) {
  for (std::size_t i = 0; i < architecture.choices.size(); ++i) {
    if (rng.uniform() >= probability) continue;
    architecture.choices[i] = static_cast<std::uint8_t>(rng.below(space.decisions()[i].options.size()));
  }
  return space.canonical(architecture);
}

Architecture crossover(const SearchSpace& space, const Architecture& a, const Architecture& b, Rng& rng) {
  Architecture child = a;
  for (std::size_t i = 0; i < child.choices.size(); ++i) {
    if (rng.below(2) == 1) child.choices[i] = b.choices.at(i);
  }
  return space.canonical(child);
}

}  // namespace naslat
