#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "configs/command.hpp"
#include "configs/table.hpp"
#include "measure/latency_table.hpp"
#include "predictor/predictor.hpp"
#include "predictor/tasks.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

/// A device of a dataset and how to predict on it, as options give it.
struct DeviceRequest {
  std::vector<std::string> data, train;
  std::string space = "nasbench201", device, predictor = "additive", checkpoint;
  std::size_t most_samples = 200;
  std::uint64_t seed = 0;
};

/// The table with two more columns, for files: whose latencies they are and where these come from.
[[nodiscard]] Table labelled(Table table, const std::string& device, Origin origin);

/// What is read for it, which no output may replace.
[[nodiscard]] std::vector<std::string> files_of(const DeviceRequest& request);

/// What `naslat predict` and `naslat search` have in common.
void add_device_options(Command& command, DeviceRequest& request);

/// A predictor adapted to what a dataset holds of a device.
struct FittedDevice {
  const SearchSpace& space;
  std::string device;
  Origin origin;
  std::map<Architecture, double> latency_s;  ///< what the dataset holds; of many, every so many-th is fitted to
  std::string predictor;
  std::size_t samples;
  std::unique_ptr<Estimator> estimator;
  std::vector<GraphMode> modes{};  ///< whose executed blocks the estimator asks for

  /// "fbnet on raspi4 (imported), by additive from 200 samples"
  [[nodiscard]] std::string title() const;
  /// As the estimator wants them.
  [[nodiscard]] Encodings encode(std::span<const Architecture> architectures) const;
  /// Latencies, one per architecture.
  [[nodiscard]] std::vector<double> predict_s(std::span<const Architecture> architectures) const;
  /// One row per architecture: architecture, index, predicted_ms, plus_minus_ms, latency_ms if the dataset has it.
  [[nodiscard]] Table predictions(std::span<const Architecture> architectures) const;
};

/// @throws ConfigError for an unknown space, device or predictor, DataError for data it cannot be fitted to
[[nodiscard]] FittedDevice fit_device(const DeviceRequest& request);

}  // namespace naslat
