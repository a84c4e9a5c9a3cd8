#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "measure/arena.hpp"
#include "measure/backends/onednn/kernels.hpp"
#include "measure/backends/onednn/weight_store.hpp"
#include "spaces/executed_blocks.hpp"
#include "spaces/network.hpp"

namespace naslat::onednn {

using BufferId = std::size_t;

/// A buffer's last step when nothing may overwrite it, in this run or a later one.
inline constexpr int kForever = std::numeric_limits<int>::max();

/// What a step reads or writes: a buffer, from some byte on, seen through a layout; or resident data.
struct Operand {
  int argument = 0;  ///< DNNL_ARG_…
  BufferId buffer = 0;
  Layout layout = nullptr;
  const Resident* resident = nullptr;
  std::size_t offset_bytes = 0;
};

/// One call of a kernel, or the one operation the library lacks: the rows of an embedding table, copied.
/// Its operands are tokens (DNNL_ARG_SRC), table (DNNL_ARG_WEIGHTS), positions (DNNL_ARG_BIAS), rows (DNNL_ARG_DST).
struct Step {
  const Kernel* kernel;
  std::vector<Operand> operands;
  std::optional<TokenEmbedding> embedding{};
};

/// Steps of one block of the network.
struct PlannedBlock {
  BlockInfo info;
  std::size_t first_step = 0, step_count = 0;
};

/// A network as a list of kernels and the buffers between them.
struct Plan {
  std::vector<Step> steps;           ///< one run
  std::vector<Step> once;            ///< results that do not depend on the input, computed when the plan is bound
  std::vector<Lifetime> buffers;     ///< those written by `once` live forever, the output to the end
  std::vector<bool> constant;        ///< of buffers: written before the first run only
  Operand output;                    ///< row-major, f32
  std::vector<PlannedBlock> blocks;  ///< in order; together, all steps
  std::vector<std::string> notes;
};

struct Caches {
  Layouts& layouts;
  Kernels& kernels;
  WeightStore& weights;
};

/// @param every_op_alone eager: every operation takes and leaves its tensors row-major, in a buffer of its own; a
///        convolution gets the layouts it likes best, with reorders at its edges. Otherwise tensors stay as their
///        producers made them, are reordered where layouts differ only, and results overwrite operands that die.
/// @throws Unsupported naming the layer
[[nodiscard]] Plan make_plan(const Network& network, bool every_op_alone, const Caches& caches);

}  // namespace naslat::onednn
