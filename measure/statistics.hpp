#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace naslat {

/// Statistics of one network's raw samples (measurement-notes 4). Pure functions; samples in run order, seconds.

/// HELP's latency: the mean of the middle samples, ⌊trim_fraction · n⌋ of them dropped at either end.
/// @pre !samples_s.empty(), 0 <= trim_fraction < 0.5
[[nodiscard]] double trimmed_mean(std::span<const double> samples_s, double trim_fraction);

/// Mean of the two middle values for an even count. @pre !values.empty()
[[nodiscard]] double median_of(std::vector<double> values);

/// Median absolute deviation from the median, not scaled. @pre !samples_s.empty()
[[nodiscard]] double median_absolute_deviation(std::span<const double> samples_s);

/// Half width of the nominal 95% interval of the trimmed mean within this block of runs: Tukey and McLaughlin's
/// standard error times Student's t, widened by √((1+r)/(1-r)) for the lag-1 autocorrelation r of the winsorised
/// samples. Infinite where fewer than 2 samples remain after trimming.
[[nodiscard]] double interval_half_width(std::span<const double> samples_s, double trim_fraction);

/// Samples that a trim drops at either end; at least one is left.
[[nodiscard]] std::size_t trimmed_count(std::size_t n, double trim_fraction);

/// Student's t for a two-sided 95% interval. @pre degrees_of_freedom >= 1
[[nodiscard]] double student_t_95(std::size_t degrees_of_freedom);

/// What is wrong with a block of samples; it is flagged, never repaired.
struct BlockQuality {
  std::size_t spikes = 0;  ///< samples > median + 5 MAD
  double half_drift = 0;   ///< (median of the second half - median of the first) / median
  bool two_modes = false;  ///< a gap near the middle of the sorted samples exceeds 5 MAD of both sides of it

  /// As many spikes as the trim removes, or more: the median speaks better than the trimmed mean.
  bool many_spikes = false;
  [[nodiscard]] bool steady() const { return half_drift <= 0.02 && half_drift >= -0.02; }
};
[[nodiscard]] BlockQuality inspect_block(std::span<const double> samples_s, double trim_fraction);

/// (95th - 5th percentile) / median of at least two values, else 0.
[[nodiscard]] double relative_spread(const std::vector<double>& values);

}  // namespace naslat
