#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "measure/backends/cudnn/dynamic_libraries.hpp"

namespace naslat::cudnn {

/// A descriptor of cuDNN's graph interface. @throws Unsupported from every call, with the library's own words
class Descriptor {
 public:
  Descriptor(const CudnnFunctions& cudnn, cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) = delete;

  [[nodiscard]] cudnnBackendDescriptor_t get() const { return descriptor_; }

  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                  const void* values);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnHandle_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, bool value);
  Descriptor& set(cudnnBackendAttributeName_t name, std::int64_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, float value);
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values);
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value);
  Descriptor& finalise();

  [[nodiscard]] std::int64_t integer(cudnnBackendAttributeName_t name) const;
  [[nodiscard]] std::int64_t count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const;
  /// Fills values that exist already; how many there were.
  std::int64_t fill(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                    void* values) const;

 private:
  void check(cudnnStatus_t status, const char* what) const;

  const CudnnFunctions* cudnn_;
  cudnnBackendDescriptorType_t type_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace naslat::cudnn
