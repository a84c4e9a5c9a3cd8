#pragma once

#include <optional>
#include <string>
#include <vector>

#include "predictor/search/problem.hpp"

namespace naslat {

/// What a search maximises.
struct Score {
  std::string column;  ///< its name and unit: accuracy_percent, macs or parameters
  ArchitectureFigure of;
  std::optional<std::vector<Architecture>> known{};  ///< all that have one, where it comes from a table
};

/// Accuracies in percent from a CSV table with a column of architectures or published indices.
/// @param file_and_column "FILE", or "FILE:COLUMN" where it has several other columns
/// @throws ConfigError for an unknown column; DataError naming path and line for anything wrong in the file
[[nodiscard]] Score accuracy_score(const std::string& file_and_column, const SearchSpace& space);

/// A stand-in where accuracies are not known: "macs" or "parameters". @pre name is one of these
[[nodiscard]] Score size_score(const std::string& name, const SearchSpace& space);

}  // namespace naslat
