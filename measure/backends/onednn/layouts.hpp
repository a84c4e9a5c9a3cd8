#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

namespace naslat::onednn {

/// A tensor's extents and its order in memory. Equal layouts are one object, so that they compare as pointers.
using Layout = const dnnl::memory::desc*;

/// All layouts met so far; f32 only.
class Layouts {
 public:
  using Dims = std::vector<std::int64_t>;

  [[nodiscard]] Layout intern(const dnnl::memory::desc& desc);
  /// Row-major.
  [[nodiscard]] Layout plain(const Dims& dims);
  /// Left to the primitive.
  [[nodiscard]] static dnnl::memory::desc any(const Dims& dims);

 private:
  std::deque<dnnl::memory::desc> all_;
  std::map<Dims, std::vector<Layout>> by_dims_;
  std::map<Dims, Layout> plain_;
};

/// Whether memory of this layout holds the elements and nothing between or after them.
[[nodiscard]] bool is_dense(Layout layout);

}  // namespace naslat::onednn
