#include "measure/arena.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <utility>

#include "configs/errors.hpp"

namespace naslat {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

MemoryBlock::MemoryBlock(std::size_t bytes, Pages pages, Contents contents) {
  if (bytes == 0) return;
  const std::size_t unit = pages == Pages::huge ? kHugePage : kAlignment;
  bytes_ = (bytes + unit - 1) / unit * unit;
  data_ = static_cast<std::byte*>(std::aligned_alloc(unit, bytes_));
  if (data_ == nullptr) throw DataError(fmt::format("memory: the system refused {} bytes", bytes_));
  if (pages == Pages::huge) madvise(data_, bytes_, MADV_HUGEPAGE);  // a wish
  if (contents == Contents::zeros) std::memset(data_, 0, bytes_);
}

MemoryBlock::~MemoryBlock() { std::free(data_); }

MemoryBlock::MemoryBlock(MemoryBlock&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryBlock& MemoryBlock::operator=(MemoryBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

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
