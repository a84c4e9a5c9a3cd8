#pragma once

#include "measure/backends/cudnn/kernel_parameters.hpp"

namespace naslat::cudnn::test {

/// The only lane of a row, where a GPU has a warp of them.
struct OneLane {
  [[nodiscard]] static Index first() { return 0; }
  [[nodiscard]] static Index count() { return 1; }
  [[nodiscard]] static float sum(float x) { return x; }
  [[nodiscard]] static float largest(float x) { return x; }
};

}  // namespace naslat::cudnn::test
