#include "measure/repeatability.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace naslat {

namespace {

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
}

/// Ranks from 0, ties at their mean.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranked(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (std::size_t i = first; i <= last; ++i) ranked[order[i]] = static_cast<double>(first + last) / 2;
    first = last + 1;
  }
  return ranked;
}

/// Spearman's rho; the predictor's metrics are a layer above.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mean = static_cast<double>(a.size() - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

}  // namespace

char Repeatability::grade() const {
  if (p95_difference <= 0.01) return 'A';
  if (p95_difference <= 0.03) return 'B';
  return p95_difference <= 0.08 ? 'C' : 'D';
}

std::optional<Repeatability> repeatability(const Dataset& dataset, const std::string& space,
                                           const std::string& device) {
  std::map<std::string, std::pair<std::optional<double>, std::optional<double>>> passes;
  const double reference_s = dataset.reference_anchor_s(space, device);
  for (const Measurement& m : dataset.measurements) {
    if (m.device != device || m.space != space || m.repeat > 1) continue;
    auto& [first, second] = passes[m.architecture];
    (m.repeat == 0 ? first : second) = corrected_latency_s(m, reference_s);
  }
  std::vector<double> a, b, differences;
  for (const auto& [architecture, pass] : passes) {
    if (!pass.first || !pass.second) continue;
    a.push_back(*pass.first);
    b.push_back(*pass.second);
    differences.push_back(std::abs(std::log(b.back() / a.back())));
  }
  if (a.size() < 3) return std::nullopt;
  std::size_t pairs = 0, flipped = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (std::abs(std::log(a[i] / a[j])) <= 0.02) continue;
      ++pairs;
      flipped += (a[i] < a[j]) != (b[i] < b[j]) ? 1 : 0;
    }
  }
  Repeatability result;
  result.networks = a.size();
  result.spearman = rank_correlation(a, b);
  result.median_difference = median_of(differences);
  result.p95_difference = percentile(differences, 0.95);
  result.flipped_pairs = pairs > 0 ? static_cast<double>(flipped) / static_cast<double>(pairs) : 0;
  result.spread = percentile(a, 0.9) / percentile(a, 0.1);
  return result;
}

}  // namespace naslat
