#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "predictor/predictor.hpp"

namespace naslat {

struct HelpTraining;

/// Every predictor's name, in the order of the paper's tables.
[[nodiscard]] std::vector<std::string> predictor_names();

/// What a predictor learns from source devices before it can be adapted.
enum class Sources { none, optional, required };
[[nodiscard]] Sources sources_of(const std::string& name);
/// Whether it wants encodings with the work of their networks.
[[nodiscard]] bool needs_work(const std::string& name);

/// A predictor not meta-trained yet. @param training of those that are @throws ConfigError naming the known ones
[[nodiscard]] std::unique_ptr<LatencyPredictor> make_predictor(const std::string& name, const HelpTraining& training);

/// With the paper's training, where it is meta-trained.
[[nodiscard]] std::unique_ptr<LatencyPredictor> make_predictor(const std::string& name);

/// HELP meta-trained for a space, ready to adapt: from a checkpoint file, or the one inside this binary where
/// `checkpoint` is empty. @param threads used when predicting @throws DataError
[[nodiscard]] std::unique_ptr<LatencyPredictor> load_predictor(const std::string& space,
                                                               const std::filesystem::path& checkpoint, int threads);

}  // namespace naslat
