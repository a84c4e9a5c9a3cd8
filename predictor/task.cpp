#include "predictor/task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "configs/errors.hpp"

namespace naslat {

namespace {

TargetScale range_of(const std::vector<double>& latency_s, const char* what) {
  if (latency_s.size() < 2)
    throw DataError(fmt::format("{}: got {} latencies, wanted at least 2", what, latency_s.size()));
  if (!std::all_of(latency_s.begin(), latency_s.end(), [](double s) { return std::isfinite(s); })) {
    throw DataError(fmt::format("{}: got a latency that is not finite", what));
  }
  const auto [low, high] = std::minmax_element(latency_s.begin(), latency_s.end());
  if (*low == *high) throw DataError(fmt::format("{}: all latencies are {} ms, wanted a range", what, *low * 1e3));
  return {*low, *high};
}

}  // namespace

HardwareEmbedding embed(const std::vector<double>& latency_s) {
  const TargetScale range = range_of(latency_s, "hardware embedding");
  HardwareEmbedding embedding;
  for (const double s : latency_s) embedding.v.push_back((s - range.min_s) / (range.max_s - range.min_s));
  return embedding;
}

TargetScale target_scale(const std::vector<double>& latency_s) { return range_of(latency_s, "target scale"); }

std::vector<double> targets(const Samples& support, const TargetScale& scale, const std::string& predictor) {
  if (support.x.empty()) {
    throw DataError(fmt::format("{}: support: got no samples, wanted at least 1", predictor));
  }
  std::vector<double> list;
  for (const double latency_s : support.latency_s) list.push_back(scale.target(latency_s));
  return list;
}

}  // namespace naslat
