#include "measure/backends/cudnn/storage.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstring>

namespace naslat::cudnn {

namespace {

template <typename T>
std::vector<std::byte> stored_as(std::span<const float> values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

template <typename T>
std::vector<float> loaded_from(std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(value);
  }
  return values;
}

}  // namespace

std::size_t element_bytes(DataType dtype) { return dtype == DataType::f16 || dtype == DataType::bf16 ? 2 : 4; }

std::string_view storage_name(DataType dtype) { return to_string(dtype == DataType::tf32 ? DataType::f32 : dtype); }

std::vector<std::byte> stored(std::span<const float> values, DataType dtype) {
  if (dtype == DataType::f16) return stored_as<__half>(values);
  return dtype == DataType::bf16 ? stored_as<__nv_bfloat16>(values) : stored_as<float>(values);
}

std::vector<float> loaded(std::span<const std::byte> bytes, DataType dtype) {
  if (dtype == DataType::f16) return loaded_from<__half>(bytes);
  return dtype == DataType::bf16 ? loaded_from<__nv_bfloat16>(bytes) : loaded_from<float>(bytes);
}

}  // namespace naslat::cudnn
