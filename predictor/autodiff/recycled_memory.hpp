#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "measure/arena.hpp"

namespace naslat {

/// Memory for values that come and go: in huge pages, on cache lines, and used again by the next value of about that
/// size, what was given back last first, for it is the likeliest to be in the caches. All of it is kept until the end.
class RecycledMemory {
 public:
  [[nodiscard]] std::byte* take(std::size_t bytes);
  /// @pre memory was taken as so many bytes
  void give_back(std::byte* memory, std::size_t bytes);

 private:
  std::vector<MemoryBlock> blocks_;
  std::size_t used_ = 0;                                            // of the last block
  std::array<std::vector<std::byte*>, std::size_t{8} * 64> spare_;  // by rounded size: eight of each power of two
};

}  // namespace naslat
