#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace naslat {

inline constexpr std::size_t kAlignment = 64;  ///< a cache line, a vector register

[[nodiscard]] constexpr std::size_t aligned(std::size_t bytes, std::size_t alignment = kAlignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Memory that never moves.
class MemoryBlock {
 public:
  MemoryBlock() = default;
  enum class Pages { normal, huge };        ///< huge: on 2 MiB boundaries, in huge pages where the system grants them
  enum class Contents { zeros, anything };  ///< zeros: every page was touched
  /// @throws DataError if there is no such memory
  explicit MemoryBlock(std::size_t bytes, Pages pages = Pages::huge, Contents contents = Contents::zeros);
  ~MemoryBlock();
  MemoryBlock(MemoryBlock&& other) noexcept;
  MemoryBlock& operator=(MemoryBlock&& other) noexcept;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Bytes that are needed from the first step that writes them to the last that reads them, both included.
struct Lifetime {
  std::size_t bytes = 0;
  int first_step = 0, last_step = 0;
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  ///< one per lifetime, aligned; those of overlapping lifetimes do not overlap
  std::size_t bytes = 0;
};

/// Largest first, each at the lowest offset that is free during its life.
[[nodiscard]] ArenaPlan plan_arena(std::span<const Lifetime> lifetimes, std::size_t alignment = kAlignment);

}  // namespace naslat
