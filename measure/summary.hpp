#pragma once

#include <string>
#include <vector>

#include "configs/table.hpp"
#include "measure/dataset.hpp"

namespace naslat {

/// One row per record of these architectures on a device: anchor-corrected latency, half width of the 95% interval
/// within its run, median, minimum, MAD as a share of the median, the device's own time where any record has one,
/// flags.
[[nodiscard]] Table latency_summary(const Dataset& dataset, const std::string& space, const std::string& device,
                                    const std::vector<std::string>& architectures);

}  // namespace naslat
