#pragma once

#include <vector>

namespace naslat {

/// (latency - least)/(greatest - least): HELP Eq. 3, a device's reference latencies scaled to [0, 1].
/// @throws DataError if fewer than 2, not finite, or all equal
[[nodiscard]] std::vector<double> scale_to_unit(const std::vector<double>& latency_s);

}  // namespace naslat
