#pragma once

#include <memory>

#include "measure/backend.hpp"

namespace naslat {

/// oneDNN on the processor. Compiled kernels, packed weights and one arena are shared by all executables of the
/// backend, which must be built and run by one thread, one at a time.
[[nodiscard]] std::unique_ptr<Backend> make_onednn_backend();

}  // namespace naslat
