#include "predictor/registry.hpp"

#include <fmt/format.h>

#include "configs/errors.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/help.hpp"

namespace naslat {

std::unique_ptr<LatencyPredictor> make_predictor(const std::string& space, const std::filesystem::path& checkpoint,
                                                 int threads) {
  const Checkpoint loaded = checkpoint.empty() ? built_in_checkpoint(space) : read_checkpoint(checkpoint);
  if (!space.starts_with(loaded.space)) {
    throw DataError(fmt::format("{}: space: got {}, wanted {}", checkpoint.string(), loaded.space, space));
  }
  return std::make_unique<HelpPredictor>(std::make_shared<const HelpParameters>(loaded.parameters), threads);
}

}  // namespace naslat
