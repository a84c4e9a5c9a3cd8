#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "measure/backend.hpp"
#include "measure/sweep.hpp"
#include "reports/device_report.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

struct CharacterizeOptions {
  SweepOptions sweep{};
  std::string device_name{};
  std::string predictor = "additive";  ///< or "help", where this binary holds its checkpoint for the space
  std::size_t samples = 20;            ///< networks the predictor is adapted to at first, beside the ten references
  std::size_t most_samples = 60;       ///< it may ask for more until its error bars are as narrow as wanted
  double target_error = 0.05;          ///< median half-width of the 90% intervals, relative
  std::size_t held_out = 50;           ///< networks timed to check the predictions
  std::uint64_t seed = 0;              ///< of the networks drawn and of the predictor's own draws
  bool quiet = false;
  std::filesystem::path folder{};  ///< where the dataset is written while it grows; an interrupted run resumes from it
};

/// The main job in one shot: times the reference networks and those the predictor learns most from (`additive` chooses
/// them, until its error bars are narrow enough), predicts every network of the space (2,000 draws of a space too large
/// to list), searches for the largest ones in a given time, then times held-out networks and those found. Writes
/// dataset.jsonl and predictions.csv into the folder.
/// @throws DataError if a reference or too many samples cannot be measured, or the space has no predictor; Interrupted
DeviceReport characterize(const SearchSpace& space, Backend& backend, const Device& device,
                          const CharacterizeOptions& options);

/// report.md, report.html, report.json, networks.csv and held_out.svg, each written beside and renamed.
void write_report(const DeviceReport& report, const std::filesystem::path& folder);

}  // namespace naslat
