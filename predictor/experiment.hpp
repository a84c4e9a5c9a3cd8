#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "predictor/evaluation.hpp"
#include "predictor/help.hpp"

namespace naslat {

/// A split of the devices of one space: predictors learn from some and are judged on others.
struct DeviceSet {
  std::string name{}, space{};
  std::vector<std::string> train{}, validate{}, devices{};  ///< no devices: all that are no sources
  bool partial = false;                                     ///< devices without a table are left out instead of refused
  std::vector<std::string> published{};  ///< "LABEL v1 v2 …": Spearman as published, one per device or their mean
};

/// A predictor and how many samples it gets: "help" or "brp-nas:900".
struct Contestant {
  std::string label, name;
  int samples = 0;
};

struct Experiment {
  std::string name = "evaluate";
  std::vector<std::string> data;  ///< where the tables are, see read_all_tables()
  std::vector<DeviceSet> sets;
  std::vector<Contestant> contestants;
  std::vector<EvaluationProtocol> protocols;
  int seeds = 10;
  std::uint64_t seed = 1;
  /// Sizes of pools drawn from the set's source devices. Each is competed on by itself, and each draw of samples has a
  /// pool of its own, that of a larger size holding that of a smaller one. None: all source devices.
  std::vector<int> train_devices{};
  bool predictions = false;  ///< keep what was said of each network in the first draw of samples
  bool designed = true;      ///< predictors that choose their own samples may
  std::string checkpoint;    ///< of HELP; empty: the one in this binary, unless a set names source devices
  HelpTraining training{};
  int threads = 1;  ///< does not change the result
  bool quiet = false;
};

/// The networks of one draw: their texts, their latencies in seconds and half of the 90% intervals, parallel; no
/// intervals from predictors that give none.
struct Predictions {
  std::string origin;  ///< of what was measured: "measured", "simulated", "imported"
  std::vector<std::string> architectures;
  std::vector<double> estimated_s, measured_s, half_width_s;
};

/// All draws of one contestant on one device under one protocol. The row of device "mean" holds, per draw, the mean
/// over devices; figures published by others have no draws.
struct ResultRow {
  std::string set, space, predictor;
  int samples = 0;
  bool designed = false;
  std::string protocol, device;
  std::vector<Evaluation> draws;
  std::optional<double> published;
  int train_devices = 0;      ///< size of the pools drawn; 0 where none were
  Predictions predictions{};  ///< of the first draw, where they are kept; none of the mean

  [[nodiscard]] std::vector<double> all(double Evaluation::*field) const;
};

struct ExperimentResult {
  std::vector<ResultRow> rows;
  std::vector<std::string> notes;  ///< e.g. source devices that have no table
  std::set<std::string> origins;   ///< of the latencies, e.g. "simulated"
};

/// @throws ConfigError, DataError naming what does not fit; Interrupted
[[nodiscard]] ExperimentResult run_experiment(const Experiment& experiment);

/// {"experiment", "results": […], "notes", "origins", "predictions" if asked for}: the schema of `naslat evaluate
/// --json`, see predictor/results.hpp.
[[nodiscard]] std::string results_json(const Experiment& experiment, const ExperimentResult& result);

}  // namespace naslat
