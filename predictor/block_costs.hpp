#pragma once

#include <Eigen/Dense>
#include <map>
#include <optional>

#include "predictor/task.hpp"

namespace naslat {

/// The blocks that a device executes of a network. @throws DataError if the encoding does not list those of the mode
[[nodiscard]] const std::vector<BlockWork>& blocks_executed(const Encoding& architecture, GraphMode mode);

/// What a device charges for each block of a network, by samples whose blocks were timed: their mean time or, of blocks
/// that no sample has, what their layers, multiply-accumulates and elements suggest (non-negative least squares of
/// relative errors over the blocks known).
class BlockCosts {
 public:
  /// @param samples of a device whose mode is known, their encodings with that mode's executed blocks
  /// @param left_out position of a sample to learn nothing from
  explicit BlockCosts(const Samples& samples, std::optional<std::size_t> left_out = std::nullopt);

  /// The blocks' costs added up. @throws DataError as blocks_executed()
  [[nodiscard]] double latency_s(const Encoding& architecture) const;

  /// How many of the samples' networks had their blocks timed.
  [[nodiscard]] static std::size_t timed(const Samples& samples);

 private:
  using Figures = Eigen::Array3d;  // layers, multiply-accumulates, elements

  GraphMode mode_;
  std::map<std::uint64_t, double> known_s_;
  Figures unit_s_ = Figures::Zero();  ///< seconds per figure
};

}  // namespace naslat
