#pragma once

#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>

#include "measure/backends/onednn/kernels.hpp"

namespace naslat::onednn {

/// Whether a 1×1 convolution and the depthwise one behind it run faster as one primitive than as two, on this machine:
/// tried once per pair of shapes, while a network is compiled.
class DepthwiseTrials {
 public:
  DepthwiseTrials(const dnnl::engine& engine, const dnnl::stream& stream) : engine_(engine), stream_(stream) {}

  /// The one primitive must win clearly: by 3%.
  [[nodiscard]] bool fused_wins(const Kernel& fused, const Kernel& first, const Kernel& second);

 private:
  [[nodiscard]] bool try_out(const Kernel& fused, const Kernel& first, const Kernel& second) const;

  dnnl::engine engine_;
  dnnl::stream stream_;
  std::map<std::tuple<const Kernel*, const Kernel*, const Kernel*>, bool> results_;
};

}  // namespace naslat::onednn
