#pragma once

#include <span>
#include <vector>

namespace naslat {

/// Rank correlation with mean ranks for ties; 0 if either side is constant. @pre equal sizes, at least 2
[[nodiscard]] double spearman(std::span<const double> a, std::span<const double> b);
/// Kendall's tau-b in O(n log n); 0 if either side is constant. @pre equal sizes, at least 2
[[nodiscard]] double kendall(std::span<const double> a, std::span<const double> b);

/// Median of |predicted - measured| / measured.
[[nodiscard]] double median_ape(std::span<const double> predicted, std::span<const double> measured);
/// Share of predictions with |predicted - measured| <= tolerance · measured.
[[nodiscard]] double share_within(std::span<const double> predicted, std::span<const double> measured,
                                  double tolerance);

/// @pre !values.empty()
[[nodiscard]] double median(std::vector<double> values);
[[nodiscard]] double mean(std::span<const double> values);
/// Sample standard deviation (n - 1); 0 for one value.
[[nodiscard]] double standard_deviation(std::span<const double> values);

}  // namespace naslat
