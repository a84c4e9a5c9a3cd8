#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <string_view>

#include "measure/device.hpp"

namespace naslat::onednn {

/// @throws DataError "onednn: <what>: <status>" unless status is success
void check(dnnl_status_t status, std::string_view what);

/// What is set once per process, before any other call of the library: instruction set limit, thread team, caches.
class Runtime {
 public:
  /// @throws ConfigError for an unknown ISA name; DataError if this process runs another ISA or thread count already
  explicit Runtime(const Device& device);

  /// Throws as the constructor does if `device` cannot be served by this process any more.
  void require(const Device& device) const;

  /// The library's name for a data type. Only what the instruction set computes natively: primitives of other types are
  /// created too, and run several times slower. @throws Unsupported naming the instruction sets that have it
  [[nodiscard]] dnnl::memory::data_type native(DataType dtype) const;

  [[nodiscard]] const dnnl::engine& engine() const { return engine_; }
  [[nodiscard]] const dnnl::stream& stream() const { return stream_; }
  [[nodiscard]] const std::string& effective_isa() const { return effective_isa_; }  ///< e.g. "avx512_core_vnni"

 private:
  std::string isa_, effective_isa_;
  dnnl::engine engine_;
  dnnl::stream stream_;
};

}  // namespace naslat::onednn
