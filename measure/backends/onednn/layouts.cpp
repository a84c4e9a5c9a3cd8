#include "measure/backends/onednn/layouts.hpp"

#include <functional>
#include <numeric>

namespace naslat::onednn {

Layout Layouts::intern(const dnnl::memory::desc& desc) {
  if (desc.get_ndims() == 0) return nullptr;
  std::vector<Layout>& known = by_dims_[desc.get_dims()];
  for (const Layout layout : known) {
    if (*layout == desc) return layout;
  }
  return known.emplace_back(&all_.emplace_back(desc));
}

Layout Layouts::plain(const Dims& dims, DataType dtype) {
  Layout& known = plain_[{dtype, dims}];
  if (known == nullptr) known = intern(dnnl::memory::desc(dims, dtype, row_major_strides(dims)));
  return known;
}

dnnl::memory::desc Layouts::any(const Dims& dims, DataType dtype) {
  return {dims, dtype, dnnl::memory::format_tag::any};
}

Layouts::Dims row_major_strides(const Layouts::Dims& dims) {
  Layouts::Dims strides(dims.size(), 1);
  for (std::size_t d = dims.size() - 1; d > 0; --d) strides[d - 1] = strides[d] * dims[d];
  return strides;
}

bool is_dense(Layout layout) {
  const auto dims = layout->get_dims();
  const auto elements = std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
  return layout->get_size() ==
         static_cast<std::size_t>(elements) * dnnl::memory::data_type_size(layout->get_data_type());
}

}  // namespace naslat::onednn
