#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "predictor/predictor.hpp"

namespace naslat {

/// The meta-learned predictor of a space, ready to adapt: from a checkpoint file, or the one inside this binary where
/// `checkpoint` is empty. @param threads used when predicting @throws DataError
[[nodiscard]] std::unique_ptr<LatencyPredictor> make_predictor(const std::string& space,
                                                               const std::filesystem::path& checkpoint, int threads);

}  // namespace naslat
