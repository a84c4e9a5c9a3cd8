#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "spaces/executed_blocks.hpp"
#include "spaces/passes.hpp"

namespace naslat {

/// Which operations of a graph a runtime executes. Devices differ in it, and their latencies show it:
/// `written` all of them (eager frameworks: HELP's GPUs, servers, phones), `needed` those whose output is used, without
/// zeros (TensorFlow Lite: HW-NAS-Bench's raspi4 and pixel3), `live` those that also depend on the input (compilers:
/// LatBench).
enum class Execution { written, needed, live };
constexpr std::array kExecutions = {Execution::written, Execution::needed, Execution::live};

/// What our own devices execute in a mode.
[[nodiscard]] constexpr Execution execution_of(GraphMode mode) {
  return mode == GraphMode::pruned ? Execution::live : Execution::written;
}

/// What a network makes a machine do, for predictors that explain latency by adding up costs.
struct Work {
  std::array<std::vector<float>, kExecutions.size()> sums;  ///< by Execution: one figure per name of work_names()
  /// How often each kind of block occurs as written, and each kind between each pair of shapes, identities left out;
  /// both go by a hash.
  std::vector<std::pair<std::uint64_t, int>> kinds, blocks;
  std::array<std::vector<BlockWork>, 3> executed{};  ///< by GraphMode; of those asked for, else empty

  bool operator==(const Work&) const = default;
};

/// Names of a network's sums: multiply-accumulates, elements moved and kernel launches, by kind of operation; and what
/// kernels do beyond several limits, since below some size, which differs between machines, a kernel costs its launch.
[[nodiscard]] const std::vector<std::string>& work_names();
/// Which of them are over all kinds: multiply-accumulates, elements and launches, which repeat those by kind; weights.
[[nodiscard]] std::span<const std::size_t> work_totals();

/// @param network every operation as written, batch norms not folded yet
/// @param modes whose executed blocks are wanted too
[[nodiscard]] Work work_of(Network network, std::span<const GraphMode> modes = {});

}  // namespace naslat
