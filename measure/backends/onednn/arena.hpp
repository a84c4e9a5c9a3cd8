#pragma once

#include <cstddef>

#include "measure/arena.hpp"

namespace naslat::onednn {

/// Zeroed memory, touched once, never moved.
class Block {
 public:
  Block() = default;
  enum class Pages { normal, huge };  ///< huge: on 2 MiB boundaries, in huge pages where the system grants them
  explicit Block(std::size_t bytes, Pages pages = Pages::huge);  ///< @throws DataError if there is no such memory
  ~Block();
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace naslat::onednn
