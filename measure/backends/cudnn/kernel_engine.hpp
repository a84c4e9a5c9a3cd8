#pragma once

#include "measure/backends/cudnn/engine.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/cudnn/plan.hpp"
#include "measure/device.hpp"

namespace naslat::cudnn {

/// Blocks and threads that a kernel of ours is launched with.
struct Grid {
  unsigned blocks = 1, threads = 256;
};
/// One thread per element. @pre count > 0
[[nodiscard]] Grid grid_of_elements(Index count);
/// One warp of 32 threads per row. @pre rows > 0
[[nodiscard]] Grid grid_of_rows(Index rows);

/// An operation of kernels.cu. @pre neither a convolution nor a matmul call
[[nodiscard]] EnginePointer own_kernel(Gpu& gpu, const Operation& operation, DataType dtype);

}  // namespace naslat::cudnn
