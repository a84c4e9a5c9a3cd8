#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "measure/device.hpp"

namespace naslat::cudnn {

/// How tensors lie in memory: f32 and tf32 in 4 bytes (tf32 rounds inside products only), f16 and bf16 in 2.
[[nodiscard]] std::size_t element_bytes(DataType dtype);
/// "f32", "f16", "bf16": how kernels of ours are named.
[[nodiscard]] std::string_view storage_name(DataType dtype);
/// Rounded to nearest, ties to even.
[[nodiscard]] std::vector<std::byte> stored(std::span<const float> values, DataType dtype);
[[nodiscard]] std::vector<float> loaded(std::span<const std::byte> bytes, DataType dtype);

}  // namespace naslat::cudnn
