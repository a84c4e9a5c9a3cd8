#pragma once

#include <cstdint>
#include <vector>

#include "spaces/network.hpp"

namespace naslat {

/// How a network is executed: every operation by itself as an eager framework does; fused as an inference engine does;
/// fused and without what cannot reach the output.
enum class GraphMode { eager, fused, pruned };

/// The network for one image as one for a batch of them: the outermost extent of every tensor grows.
[[nodiscard]] Network with_batch(Network network, std::int64_t batch);

/// Batch norms that follow a convolution nobody else reads go into its kernel and bias
/// (Convolution::folded_batch_norm).
[[nodiscard]] Network fold_batch_norm(Network network);

/// Equal activations of one tensor are computed once; additions and activations become post-ops of the layer that makes
/// their operand, wherever that layer's result is read by nobody else; adding to zero (Affine 1, 0) is dropped. Every
/// product by zero stays: the graph is executed as written, only in fewer kernels.
[[nodiscard]] Network fuse(Network network);

/// Drops what cannot reach the output, and zeros: sums lose their zero terms, zero maps are not pooled or activated.
/// Zeros that something still reads (a convolution's bias keeps it alive) become layers without inputs.
/// @pre not fused yet
[[nodiscard]] Network prune(Network network);

/// The graph that is executed: the network as written (eager), with batch norms, activations and additions fused into
/// kernels (fused), or also without what cannot reach the output (pruned).
[[nodiscard]] Network lowered(Network network, GraphMode mode);

/// For each layer, whether its result does not depend on the network's input (it reads zeros or other such layers
/// only), so that an inference engine computes it once, before the first run.
[[nodiscard]] std::vector<bool> constant_layers(const Network& network);

}  // namespace naslat
