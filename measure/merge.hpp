#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "measure/dataset.hpp"

namespace naslat {

enum class Keep { neither, first, last };

/// Several datasets as one. A record is known by space, architecture, device and repeat; equal records are kept once.
struct Merged {
  Dataset dataset;
  std::size_t duplicates = 0;
  std::vector<std::string> conflicts;  ///< one line each: records of one key that differ, and where they are
  std::vector<std::string> warnings;   ///< devices whose files disagree about environment or protocol
};

/// @param keep which of two different records stays; with `neither` the first stays and the conflict is named
/// @throws DataError
[[nodiscard]] Merged merge_datasets(const std::vector<std::filesystem::path>& paths, Keep keep);

}  // namespace naslat
