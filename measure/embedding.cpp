#include "measure/embedding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "configs/errors.hpp"

namespace naslat {

std::vector<double> scale_to_unit(const std::vector<double>& latency_s) {
  if (latency_s.size() < 2) {
    throw DataError(fmt::format("embedding: got {} latencies, wanted at least 2", latency_s.size()));
  }
  for (const double value : latency_s) {
    if (!std::isfinite(value)) throw DataError(fmt::format("embedding: got a latency of {}, wanted finite", value));
  }
  const auto [least, greatest] = std::minmax_element(latency_s.begin(), latency_s.end());
  if (*least == *greatest) throw DataError(fmt::format("embedding: all latencies are {} s, wanted a range", *least));
  std::vector<double> scaled;
  for (const double value : latency_s) scaled.push_back((value - *least) / (*greatest - *least));
  return scaled;
}

}  // namespace naslat
