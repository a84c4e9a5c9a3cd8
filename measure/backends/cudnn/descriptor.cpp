#include "measure/backends/cudnn/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "configs/errors.hpp"

namespace naslat::cudnn {

Descriptor::Descriptor(const CudnnFunctions& cudnn, cudnnBackendDescriptorType_t type) : cudnn_(&cudnn), type_(type) {
  check(cudnn.cudnnBackendCreateDescriptor(type, &descriptor_), "create");
}

Descriptor::~Descriptor() {
  if (descriptor_ != nullptr) static_cast<void>(cudnn_->cudnnBackendDestroyDescriptor(descriptor_));
}

Descriptor::Descriptor(Descriptor&& other) noexcept
    : cudnn_(other.cudnn_), type_(other.type_), descriptor_(std::exchange(other.descriptor_, nullptr)) {}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                            const void* values) {
  check(cudnn_->cudnnBackendSetAttribute(descriptor_, name, type, count, values), "set");
  return *this;
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
  return set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t value) {
  return set(name, CUDNN_TYPE_POINTWISE_MODE, 1, &value);
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnHandle_t value) {
  return set(name, CUDNN_TYPE_HANDLE, 1, &value);
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, bool value) {
  return set(name, CUDNN_TYPE_BOOLEAN, 1, &value);
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::int64_t value) {
  return set(name, CUDNN_TYPE_INT64, 1, &value);
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, float value) {
  return set(name, CUDNN_TYPE_FLOAT, 1, &value);
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
  return set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  const cudnnBackendDescriptor_t descriptor = value.get();
  return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &descriptor);
}

Descriptor& Descriptor::finalise() {
  check(cudnn_->cudnnBackendFinalize(descriptor_), "finalise");
  return *this;
}

std::int64_t Descriptor::integer(cudnnBackendAttributeName_t name) const {
  std::int64_t value = 0;
  fill(name, CUDNN_TYPE_INT64, 1, &value);
  return value;
}

std::int64_t Descriptor::count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
  return fill(name, type, 0, nullptr);
}

std::int64_t Descriptor::fill(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                              void* values) const {
  std::int64_t found = 0;
  check(cudnn_->cudnnBackendGetAttribute(descriptor_, name, type, count, &found, values), "get");
  return found;
}

void Descriptor::check(cudnnStatus_t status, const char* what) const {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 512> words{};
  cudnn_->cudnnGetLastErrorString(words.data(), words.size());
  std::replace(words.begin(), words.end(), '\n', ' ');
  throw Unsupported(fmt::format("descriptor of type {}: {}: {} {}", static_cast<int>(type_), what,
                                cudnn_->cudnnGetErrorString(status), words.data()));
}

}  // namespace naslat::cudnn
