#pragma once

#include <memory>

#include "measure/backend.hpp"

namespace naslat {

/// cuDNN, cuBLASLt and kernels of ours on an NVIDIA GPU; the libraries are opened when the backend is first asked for
/// its devices. Engines, weights and one arena are shared by all executables of a GPU, which must be built and run by
/// one thread, one at a time; only those of the GPU that was compiled for last can run.
[[nodiscard]] std::unique_ptr<Backend> make_cudnn_backend();

}  // namespace naslat
