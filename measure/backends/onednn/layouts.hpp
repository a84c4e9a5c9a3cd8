#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

namespace naslat::onednn {

/// A tensor's extents, its data type and its order in memory. Equal layouts are one object, so that they compare as
/// pointers.
using Layout = const dnnl::memory::desc*;

/// All layouts met so far of networks that compute in one data type.
class Layouts {
 public:
  using Dims = std::vector<std::int64_t>;
  using DataType = dnnl::memory::data_type;

  explicit Layouts(DataType dtype = DataType::f32) : dtype_(dtype) {}

  [[nodiscard]] DataType dtype() const { return dtype_; }
  [[nodiscard]] std::size_t element_bytes() const { return dnnl::memory::data_type_size(dtype_); }

  [[nodiscard]] Layout intern(const dnnl::memory::desc& desc);
  /// Row-major.
  [[nodiscard]] Layout plain(const Dims& dims) { return plain(dims, dtype_); }
  /// Row-major in f32, whatever the networks compute in: inputs, outputs, biases, norms.
  [[nodiscard]] Layout plain_f32(const Dims& dims) { return plain(dims, DataType::f32); }
  [[nodiscard]] Layout strided(const Dims& dims, const Dims& strides) { return intern({dims, dtype_, strides}); }
  /// Left to the primitive.
  [[nodiscard]] dnnl::memory::desc any(const Dims& dims) const { return any(dims, dtype_); }
  [[nodiscard]] static dnnl::memory::desc any_f32(const Dims& dims) { return any(dims, DataType::f32); }

 private:
  [[nodiscard]] Layout plain(const Dims& dims, DataType dtype);
  [[nodiscard]] static dnnl::memory::desc any(const Dims& dims, DataType dtype);

  DataType dtype_;
  std::deque<dnnl::memory::desc> all_;
  std::map<Dims, std::vector<Layout>> by_dims_;
  std::map<std::pair<DataType, Dims>, Layout> plain_;
};

/// Steps between neighbours along each extent, in elements, row-major.
[[nodiscard]] Layouts::Dims row_major_strides(const Layouts::Dims& dims);

/// Whether memory of this layout holds the elements and nothing between or after them.
[[nodiscard]] bool is_dense(Layout layout);

}  // namespace naslat::onednn
