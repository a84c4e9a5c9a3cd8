#include "measure/backends/cudnn/kernel_image.hpp"

asm(".section .rodata\n"
    ".balign 16\n"
    "naslat_kernel_image:\n"
    ".incbin \"" NASLAT_KERNEL_IMAGE
    "\"\n"
    ".text\n");
extern "C" const unsigned char naslat_kernel_image[];

namespace naslat::cudnn {

const void* kernel_image() { return naslat_kernel_image; }

}  // namespace naslat::cudnn
