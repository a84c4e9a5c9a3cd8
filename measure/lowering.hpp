#pragma once

#include <utility>

#include "measure/device.hpp"
#include "spaces/passes.hpp"

namespace naslat {

/// The graph that a device executes, at the device's batch.
[[nodiscard]] inline Network lowered(Network network, const Device& device) {
  return lowered(with_batch(std::move(network), device.batch), device.mode);
}

}  // namespace naslat
