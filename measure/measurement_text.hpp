#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "measure/environment.hpp"
#include "measure/measurement.hpp"

namespace naslat {

/// A line of a latency dataset (dataset_format.md): JSON on one line, without the line break.
[[nodiscard]] std::string to_line(const Measurement& measurement);
[[nodiscard]] std::string to_line(const Environment& environment);

using DatasetLine = std::variant<Measurement, Environment>;

/// Reads what to_line wrote, exactly. Nothing unknown is accepted, nothing missing is made up.
/// @param subject "path:line" for messages
/// @throws DataError "path:line: field: got, wanted"
[[nodiscard]] DatasetLine parse_line(std::string_view line, const std::string& subject);

}  // namespace naslat
