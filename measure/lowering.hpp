#pragma once

#include "measure/device.hpp"
#include "spaces/network.hpp"
#include "spaces/work.hpp"

namespace naslat {

/// The graph that a device executes: the network at the device's batch, as written (eager), with batch norms,
/// activations and additions fused into kernels (fused), or also without what cannot reach the output (pruned).
[[nodiscard]] Network lowered(const Network& network, const Device& device);

/// Which operations of it a device executes.
[[nodiscard]] inline Execution execution_of(const Device& device) {
  return device.mode == GraphMode::pruned ? Execution::live : Execution::written;
}

}  // namespace naslat
