#pragma once

#include <string>

#include "configs/table.hpp"

namespace naslat {

/// What `naslat evaluate --json` printed as a table: one row per contestant, protocol and device, figures published
/// beside ours; of correlations a row and a column per device.
/// @throws DataError naming `subject`
[[nodiscard]] Table results_table(const std::string& document, const std::string& subject);

/// That table in Markdown, with what the experiment remarked under it. @throws DataError naming `subject`
[[nodiscard]] std::string results_markdown(const std::string& document, const std::string& subject);

/// The estimated and measured latency of every network asked, if the experiment kept them: its `predictions`, of the
/// first draw of samples. As a table with a row per network, empty if there are none; as a picture with a panel per
/// predictor and device, devices side by side, no text if there are none.
/// @throws DataError naming `subject`
[[nodiscard]] Table predictions_table(const std::string& document, const std::string& subject);
[[nodiscard]] std::string predictions_svg(const std::string& document, const std::string& subject);

}  // namespace naslat
