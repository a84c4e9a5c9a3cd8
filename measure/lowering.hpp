#pragma once

#include "measure/device.hpp"
#include "spaces/network.hpp"

namespace naslat {

/// The graph that a device executes: the network at the device's batch, as written (eager), with batch norms,
/// activations and additions fused into kernels (fused), or also without what cannot reach the output (pruned).
[[nodiscard]] Network lowered(const Network& network, const Device& device);

}  // namespace naslat
