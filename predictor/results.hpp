#pragma once

#include <string>

#include "configs/table.hpp"

namespace naslat {

/// What `naslat evaluate --json` printed as a table: one row per contestant, protocol and device, figures published
/// beside ours; of correlations a row and a column per device.
/// @throws DataError naming `subject`
[[nodiscard]] Table results_table(const std::string& document, const std::string& subject);

}  // namespace naslat
