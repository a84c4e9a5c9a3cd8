#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "measure/backends/cudnn/kernel_parameters.hpp"

namespace naslat::cudnn {

/// One call onto the stream, with everything it needs. @throws DataError with the library's own words
using Launch = std::function<void()>;

/// What executes an operation: chosen once per shape, bound to memory once per step.
class Engine {
 public:
  virtual ~Engine() = default;
  /// @param at  addresses by slot  @param workspace  of workspace_bytes() at least
  [[nodiscard]] virtual Launch bind(const Pointers& at, void* workspace) const = 0;
  [[nodiscard]] virtual std::size_t workspace_bytes() const { return 0; }
  /// For records, e.g. "conv engine 38".
  [[nodiscard]] virtual std::string name() const = 0;
};

using EnginePointer = std::shared_ptr<const Engine>;

}  // namespace naslat::cudnn
