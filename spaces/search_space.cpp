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

namespace {
/// The same network. What it does not use is the first option in its canonical form, which nobody chose: drawn here, as
/// sample() does, or blocks that a change of depth brings in would mostly be of that kind.
Architecture with_unused_drawn(const SearchSpace& space, const Architecture& architecture, Rng& rng) {
  Architecture drawn = architecture, changed = architecture;
  for (std::size_t i = 0; i < architecture.choices.size(); ++i) {
    const std::size_t options = space.decisions()[i].options.size();
    changed.choices[i] = static_cast<std::uint8_t>((architecture.choices[i] + 1U) % options);
    if (space.canonical(changed) == architecture) drawn.choices[i] = static_cast<std::uint8_t>(rng.below(options));
    changed.choices[i] = architecture.choices[i];
  }
  return drawn;
}
}  // namespace

Architecture mutate(const SearchSpace& space, const Architecture& parent, double probability, Rng& rng) {
  Architecture architecture = with_unused_drawn(space, parent, rng);
  for (std::size_t i = 0; i < architecture.choices.size(); ++i) {
    if (rng.uniform() >= probability) continue;
    architecture.choices[i] = static_cast<std::uint8_t>(rng.below(space.decisions()[i].options.size()));
  }
  return space.canonical(architecture);
}

Architecture crossover(const SearchSpace& space, const Architecture& a, const Architecture& b, Rng& rng) {
  Architecture child = with_unused_drawn(space, a, rng);
  const Architecture other = with_unused_drawn(space, b, rng);
  for (std::size_t i = 0; i < child.choices.size(); ++i) {
    if (rng.below(2) == 1) child.choices[i] = other.choices.at(i);
  }
  return space.canonical(child);
}

}  // namespace naslat
