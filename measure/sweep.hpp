#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "measure/backend.hpp"
#include "measure/choose.hpp"
#include "measure/dataset.hpp"
#include "measure/progress.hpp"
#include "measure/protocol.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

struct SweepOptions {
  Protocol protocol{};
  std::uint64_t seed = 0;        ///< of the visiting order
  std::size_t window = 100;      ///< networks whose visits are interleaved: what an interruption can lose
  std::size_t anchor_group = 8;  ///< visits between two anchor readings
  int repeats = 1;               ///< passes over all networks, each in its own order, recorded as repeat 0, 1, …
  std::string device_name{};     ///< empty: device_name(device)
  double warm_device_s = 0.3;    ///< once, before anything is timed
  bool blocks = false;           ///< also time every block, in as many runs of their own
};

struct SweepSummary {
  std::size_t measured = 0, skipped = 0, already_there = 0;
  std::size_t without_blocks = 0;  ///< of those there, though their times were asked for
  std::size_t timed_again = 0;     ///< disturbed networks that were given another chance
  std::size_t throttled = 0;       ///< recorded networks during which the device held its clocks back
  double wall_s = 0;               ///< from the first to the last moment of the sweep
  double executing_s = 0;          ///< of it, inside network executions (warm-up, discarded, anchors included)
  double anchor_spread = 0;        ///< (95th - 5th percentile) / median of the anchor readings: drift of the machine
};

/// Times every architecture the dataset does not hold yet and appends its record as soon as its last visit is done;
/// disturbed networks are timed again at the end of their window, twice at most, and the calmest attempt is recorded.
/// On an interrupt the networks completed so far are on disk.
/// @throws Interrupted; DataError where the dataset holds the device under another protocol or environment
SweepSummary sweep(const SearchSpace& space, const std::vector<Architecture>& architectures, Backend& backend,
                   const Device& device, const SweepOptions& options, DatasetWriter& dataset, Progress& progress);

/// Reads `--archs`: "reference", "probe" (20 of them) or "probe:N", "all", "random:N", "random:N@SEED", "range:A-B",
/// "file:PATH", or an architecture's own text. Duplicates are dropped, first places kept.
/// @param choose designs the probes @throws ConfigError
[[nodiscard]] std::vector<Architecture> select_architectures(const SearchSpace& space,
                                                             const std::vector<std::string>& texts,
                                                             ChooseNext choose = nullptr);

}  // namespace naslat
