#include "measure/arena.hpp"

#include <algorithm>
#include <numeric>

namespace naslat {

ArenaPlan plan_arena(std::span<const Lifetime> lifetimes, std::size_t alignment) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  ArenaPlan plan{std::vector<std::size_t>(lifetimes.size()), 0};
  std::vector<std::size_t> placed;  // by offset
  placed.reserve(lifetimes.size());
  for (const std::size_t item : order) {
    const Lifetime& life = lifetimes[item];
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      const Lifetime& taken = lifetimes[other];
      if (taken.last_step < life.first_step || life.last_step < taken.first_step) continue;
      if (offset + life.bytes <= plan.offsets[other]) break;  // the gap before it is wide enough
      offset = std::max(offset, plan.offsets[other] + aligned(taken.bytes, alignment));
    }
    plan.offsets[item] = offset;
    plan.bytes = std::max(plan.bytes, offset + aligned(life.bytes, alignment));
    placed.insert(std::upper_bound(placed.begin(), placed.end(), item,
                                   [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  item);
  }
  return plan;
}

}  // namespace naslat
