#pragma once

namespace naslat::cudnn {

/// kernels.cu as nvcc compiled it, for several generations of GPUs and as PTX for later ones: inside this program.
[[nodiscard]] const void* kernel_image();

}  // namespace naslat::cudnn
