#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "measure/csv.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

/// Where a CSV table names its architectures: by text (`architecture`, `arch_str`, `arch_string`), by published index
/// (`index`, `nb201_index`), or both, which must agree where neither is empty; and `space`, if it says which they are
/// of.
struct ArchitectureColumns {
  std::optional<std::size_t> text, index, space;

  [[nodiscard]] bool any() const { return text || index; }
};

[[nodiscard]] ArchitectureColumns architecture_columns(const CsvReader& csv);

/// Whether the row is of another space: tables may hold several.
[[nodiscard]] bool is_of_another(const SearchSpace& space, const ArchitectureColumns& columns,
                                 const std::vector<std::string>& cells);

/// The architecture of the row read last. @pre columns.any() @throws DataError "path:line: …"
[[nodiscard]] Architecture read_architecture(const ArchitectureColumns& columns, const std::vector<std::string>& cells,
                                             const SearchSpace& space, const CsvReader& csv);

}  // namespace naslat
