#include "predictor/metrics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace naslat {

namespace {

/// Ranks from 1, ties share their mean.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    const double rank = static_cast<double>(first + last) / 2 + 1;
    for (std::size_t i = first; i <= last; ++i) result[order[i]] = rank;
    first = last + 1;
  }
  return result;
}

double pearson(const std::vector<double>& a, const std::vector<double>& b) {
  const double mean_a = mean(a), mean_b = mean(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

/// Pairs within runs of equal neighbours of a sorted sequence.
template <typename Equal>
std::int64_t tied_pairs(std::size_t size, const Equal& equal_to_previous) {
  std::int64_t pairs = 0, run = 1;
  for (std::size_t i = 1; i <= size; ++i) {
    if (i < size && equal_to_previous(i)) {
      ++run;
    } else {
      pairs += run * (run - 1) / 2;
      run = 1;
    }
  }
  return pairs;
}

/// Sorts values[first..last) and returns how many pairs were in the wrong order.
std::int64_t count_inversions(std::vector<double>& values, std::vector<double>& buffer, std::size_t first,
                              std::size_t last) {
  if (last - first < 2) return 0;
  const std::size_t middle = first + (last - first) / 2;
  std::int64_t inversions =
      count_inversions(values, buffer, first, middle) + count_inversions(values, buffer, middle, last);
  std::size_t left = first, right = middle;
  for (std::size_t out = first; out < last; ++out) {
    if (right == last || (left < middle && values[left] <= values[right])) {
      buffer[out] = values[left++];
    } else {
      inversions += static_cast<std::int64_t>(middle - left);
      buffer[out] = values[right++];
    }
  }
  std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(first), buffer.begin() + static_cast<std::ptrdiff_t>(last),
            values.begin() + static_cast<std::ptrdiff_t>(first));
  return inversions;
}

}  // namespace

double spearman(std::span<const double> a, std::span<const double> b) {
  assert(a.size() == b.size() && a.size() >= 2);
  return pearson(ranks(a), ranks(b));
}

/// Knight's algorithm (JASA 1966): sort by a, then count the exchanges a merge sort by b needs.
double kendall(std::span<const double> a, std::span<const double> b) {
  assert(a.size() == b.size() && a.size() >= 2);
  const std::size_t n = a.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return a[i] != a[j] ? a[i] < a[j] : b[i] < b[j]; });
  const auto same_a = [&](std::size_t i) { return a[order[i]] == a[order[i - 1]]; };
  const std::int64_t ties_a = tied_pairs(n, same_a);
  const std::int64_t ties_both =
      tied_pairs(n, [&](std::size_t i) { return same_a(i) && b[order[i]] == b[order[i - 1]]; });
  std::vector<double> sorted(n), buffer(n);
  for (std::size_t i = 0; i < n; ++i) sorted[i] = b[order[i]];
  const std::int64_t discordant = count_inversions(sorted, buffer, 0, n);
  const std::int64_t ties_b = tied_pairs(n, [&](std::size_t i) { return sorted[i] == sorted[i - 1]; });
  const auto pairs = static_cast<std::int64_t>(n) * (static_cast<std::int64_t>(n) - 1) / 2;
  if (pairs == ties_a || pairs == ties_b) return 0;
  const std::int64_t concordant = pairs - ties_a - ties_b + ties_both - discordant;
  return static_cast<double>(concordant - discordant) /
         std::sqrt(static_cast<double>(pairs - ties_a) * static_cast<double>(pairs - ties_b));
}

double median_ape(std::span<const double> predicted, std::span<const double> measured) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < measured.size(); ++i)
    errors.push_back(std::abs(predicted[i] - measured[i]) / measured[i]);
  return median(std::move(errors));
}

double share_within(std::span<const double> predicted, std::span<const double> measured, double tolerance) {
  std::size_t within = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    within += std::abs(predicted[i] - measured[i]) <= tolerance * measured[i] ? 1 : 0;
  }
  return static_cast<double>(within) / static_cast<double>(measured.size());
}

double median(std::vector<double> values) {
  assert(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double mean(std::span<const double> values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double centre = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace naslat
