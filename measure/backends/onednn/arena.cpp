#include "measure/backends/onednn/arena.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "configs/errors.hpp"

namespace naslat::onednn {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

Block::Block(std::size_t bytes, Pages pages) {
  if (bytes == 0) return;
  const std::size_t unit = pages == Pages::huge ? kHugePage : kAlignment;
  bytes_ = (bytes + unit - 1) / unit * unit;
  data_ = static_cast<std::byte*>(std::aligned_alloc(unit, bytes_));
  if (data_ == nullptr) throw DataError(fmt::format("onednn: memory: the system refused {} bytes", bytes_));
  if (pages == Pages::huge) madvise(data_, bytes_, MADV_HUGEPAGE);  // a wish
  std::memset(data_, 0, bytes_);
}

Block::~Block() { std::free(data_); }

Block::Block(Block&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace naslat::onednn
