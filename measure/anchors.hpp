#pragma once

#include <array>
#include <memory>
#include <vector>

#include "measure/backend.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

/// Two networks of different bottlenecks, one bound by calls and one by arithmetic: the space's references with the
/// fewest and the most multiply-accumulates. Timed now and then, they tell how fast the machine is at that moment.
class Anchors {
 public:
  struct Reading {
    std::array<double, 2> latency_s{};  ///< median of ten runs each
    double at_s = 0;                    ///< when, on the backend's clock

    /// Geometric mean of the two.
    [[nodiscard]] double level_s() const;
  };

  Anchors(const SearchSpace& space, Backend& backend, const Device& device);

  /// Times both and adds the seconds inside executions to `executing_s`.
  Reading read(const Clock& now, double& executing_s);

  /// Runs both until the clock has advanced by `seconds`: idle processors and governors wake up slowly.
  void warm_up(const Clock& now, double seconds, double& executing_s);

  /// Whether the two anchors' ratio differs by more than 2% from what it usually was: one correction cannot fit both.
  [[nodiscard]] bool part(const Reading& reading) const;

  [[nodiscard]] const std::vector<double>& levels_s() const { return levels_s_; }

 private:
  std::array<std::unique_ptr<Executable>, 2> networks_;
  std::vector<double> levels_s_, ratios_;
};

/// Largest relative difference of either anchor between two readings.
[[nodiscard]] double difference(const Anchors::Reading& before, const Anchors::Reading& after);

/// The level at a moment between two readings, linearly.
[[nodiscard]] double interpolate(const Anchors::Reading& before, const Anchors::Reading& after, double at_s);

}  // namespace naslat
