#include "measure/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace naslat {

namespace {

std::vector<double> sorted(std::span<const double> samples_s) {
  std::vector<double> values(samples_s.begin(), samples_s.end());
  std::sort(values.begin(), values.end());
  return values;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// √((1+r)/(1-r)) of the winsorised samples in run order; r is raised by its small-sample bias and clipped.
double autocorrelation_factor(std::span<const double> winsorised) {
  const double mean = mean_of(winsorised);
  double variance = 0, covariance = 0;
  for (std::size_t i = 0; i < winsorised.size(); ++i) {
    variance += (winsorised[i] - mean) * (winsorised[i] - mean);
    if (i > 0) covariance += (winsorised[i] - mean) * (winsorised[i - 1] - mean);
  }
  if (variance <= 0) return 1;
  const double n = static_cast<double>(winsorised.size());
  double r = covariance / variance;
  r = std::clamp(r + (1 + 4 * r) / n, 0.0, 0.97);
  return std::sqrt((1 + r) / (1 - r));
}

/// The k-th least distance from `centre`, from 0: distances grow to either side of it.
double distance_of_ordered(std::span<const double> ordered, double centre, std::size_t k) {
  const auto above = static_cast<std::size_t>(std::lower_bound(ordered.begin(), ordered.end(), centre) -
                                              ordered.begin());  // as many lie below
  const auto below_at = [&](std::size_t i) { return centre - ordered[above - 1 - i]; };
  const auto above_at = [&](std::size_t i) { return ordered[above + i] - centre; };
  // Of the k + 1 nearest, as many are below as make the farthest of them the least far.
  const std::size_t right = ordered.size() - above;
  std::size_t least = k + 1 > right ? k + 1 - right : 0, most = std::min(above, k + 1);
  while (least < most) {
    const std::size_t middle = (least + most) / 2;
    if (below_at(middle) < above_at(k - middle)) {
      least = middle + 1;
    } else {
      most = middle;
    }
  }
  const double farthest_below = least > 0 ? below_at(least - 1) : 0;
  return least == k + 1 ? farthest_below : std::max(farthest_below, above_at(k - least));
}

/// As median_absolute_deviation(), in logarithmic time.
double deviation_of_ordered(std::span<const double> ordered) {
  const std::size_t n = ordered.size(), middle = n / 2;
  if (n % 2 == 1) return distance_of_ordered(ordered, ordered[middle], middle);
  const double centre = (ordered[middle - 1] + ordered[middle]) / 2;
  return (distance_of_ordered(ordered, centre, middle - 1) + distance_of_ordered(ordered, centre, middle)) / 2;
}

}  // namespace

std::size_t trimmed_count(std::size_t n, double trim_fraction) {
  // 0.1 · 50 must be 5 although 0.1 is no binary fraction.
  const auto dropped = static_cast<std::size_t>(std::floor(trim_fraction * static_cast<double>(n) + 1e-9));
  return std::min(dropped, (std::max<std::size_t>(n, 1) - 1) / 2);
}

double trimmed_mean(std::span<const double> samples_s, double trim_fraction) {
  const std::vector<double> values = sorted(samples_s);
  const std::size_t dropped = trimmed_count(values.size(), trim_fraction);
  return mean_of(std::span(values).subspan(dropped, values.size() - 2 * dropped));
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double median_absolute_deviation(std::span<const double> samples_s) {
  std::vector<double> values(samples_s.begin(), samples_s.end());
  const double median = median_of(values);
  for (double& value : values) value = std::abs(value - median);
  return median_of(std::move(values));
}

double student_t_95(std::size_t degrees_of_freedom) {
  constexpr std::array kSmall = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  if (degrees_of_freedom <= kSmall.size()) return kSmall[degrees_of_freedom - 1];
  // Cornish–Fisher expansion around the normal quantile; below 5e-4 off from 11 degrees of freedom on.
  constexpr double z = 1.959964;
  const double v = static_cast<double>(degrees_of_freedom);
  const double z3 = z * z * z, z5 = z3 * z * z;
  const double first = (z3 + z) / 4, second = (5 * z5 + 16 * z3 + 3 * z) / 96;
  const double third = (3 * z5 * z * z + 19 * z5 + 17 * z3 - 15 * z) / 384;
  return z + first / v + second / (v * v) + third / (v * v * v);
}

double interval_half_width(std::span<const double> samples_s, double trim_fraction) {
  const std::size_t n = samples_s.size();
  const std::size_t dropped = trimmed_count(n, trim_fraction);
  if (n < 2 * dropped + 2) return std::numeric_limits<double>::infinity();
  const std::vector<double> ordered = sorted(samples_s);
  std::vector<double> winsorised(samples_s.begin(), samples_s.end());
  for (double& value : winsorised) value = std::clamp(value, ordered[dropped], ordered[n - 1 - dropped]);

  const double mean = mean_of(winsorised);
  double squares = 0;
  for (const double value : winsorised) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(n - 1));
  const double kept = 1 - 2 * static_cast<double>(dropped) / static_cast<double>(n);
  const double error = deviation / (kept * std::sqrt(static_cast<double>(n)));
  return error * student_t_95(n - 2 * dropped - 1) * autocorrelation_factor(winsorised);
}

BlockQuality inspect_block(std::span<const double> samples_s, double trim_fraction) {
  BlockQuality quality;
  const std::size_t n = samples_s.size();
  if (n < 4) return quality;
  const std::vector<double> ordered = sorted(samples_s);
  const double median = median_of(ordered), mad = median_absolute_deviation(samples_s);
  const double tolerance = 5 * std::max(mad, 1e-6 * median);  // equal samples have no spread to compare with
  for (const double sample : samples_s) quality.spikes += sample > median + tolerance ? 1 : 0;
  quality.many_spikes = quality.spikes >= std::max<std::size_t>(1, trimmed_count(n, trim_fraction));

  const auto half = static_cast<std::ptrdiff_t>(n / 2);
  const double first = median_of({samples_s.begin(), samples_s.begin() + half});
  const double second = median_of({samples_s.end() - half, samples_s.end()});
  if (median > 0) quality.half_drift = (second - first) / median;

  for (std::size_t i = n / 5; i + 1 < n - n / 5; ++i) {
    // Two modes: within each the samples lie close together, so the gap is judged by the smaller side's own spread.
    const double gap = ordered[i + 1] - ordered[i];
    const std::span low(ordered.data(), i + 1), high(ordered.data() + i + 1, n - i - 1);
    const double spread = std::max(deviation_of_ordered(low), deviation_of_ordered(high));
    if (gap > 5 * std::max(spread, 1e-6 * median)) quality.two_modes = true;
  }
  return quality;
}

double relative_spread(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const std::vector<double> ordered = sorted(values);
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(ordered.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const auto above = std::min(below + 1, ordered.size() - 1);
    return ordered[below] + (place - static_cast<double>(below)) * (ordered[above] - ordered[below]);
  };
  return (at(0.95) - at(0.05)) / at(0.5);
}

}  // namespace naslat
