#include "spaces/random.hpp"

#include <numeric>
#include <unordered_set>

namespace naslat {

std::vector<std::uint64_t> Rng::distinct(std::uint64_t count, std::uint64_t bound) {
  std::vector<std::uint64_t> drawn;
  drawn.reserve(count);
  if (count * 2 > bound) {  // dense: shuffle all and keep the first
    drawn.resize(bound);
    std::iota(drawn.begin(), drawn.end(), std::uint64_t{0});
    shuffle(drawn);
    drawn.resize(count);
    return drawn;
  }
  std::unordered_set<std::uint64_t> seen;
  while (drawn.size() < count) {
    const std::uint64_t draw = below(bound);
    if (seen.insert(draw).second) drawn.push_back(draw);
  }
  return drawn;
}

}  // namespace naslat
