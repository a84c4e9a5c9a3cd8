#include "predictor/autodiff/recycled_memory.hpp"

#include <algorithm>
#include <bit>

namespace naslat {

namespace {

/// Sizes are rounded up, by an eighth at most and to cache lines, so that values of nearly the same size share memory.
std::size_t rounded(std::size_t bytes) {
  bytes = std::max(bytes, kAlignment);
  return aligned(bytes, std::max(kAlignment, std::bit_floor(bytes) / 8));
}

/// A number of its own for every rounded size: its highest bit and the three after that.
std::size_t index_of(std::size_t rounded_bytes) {
  const auto highest = static_cast<std::size_t>(std::bit_width(rounded_bytes)) - 1;
  return 8 * highest + ((rounded_bytes >> (highest - 3)) & 7);
}

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kBlock = 0;  // each value has a block of its own, whose bounds are watched
constexpr auto kPages = MemoryBlock::Pages::normal;
#else
constexpr std::size_t kBlock = std::size_t{4} << 20;
constexpr auto kPages = MemoryBlock::Pages::huge;
#endif

}  // namespace

std::byte* RecycledMemory::take(std::size_t bytes) {
  bytes = rounded(bytes);
  if (std::vector<std::byte*>& spare = spare_[index_of(bytes)]; !spare.empty()) {
    std::byte* const memory = spare.back();
    spare.pop_back();
    return memory;
  }
  if (blocks_.empty() || used_ + bytes > blocks_.back().bytes()) {
    blocks_.emplace_back(std::max(bytes, kBlock), kPages, MemoryBlock::Contents::anything);
    used_ = 0;
  }
  std::byte* const memory = blocks_.back().data() + used_;
  used_ += bytes;
  return memory;
}

void RecycledMemory::give_back(std::byte* memory, std::size_t bytes) {
  spare_[index_of(rounded(bytes))].push_back(memory);
}

}  // namespace naslat
