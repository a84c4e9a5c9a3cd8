#include "measure/architecture_columns.hpp"

#include <fmt/format.h>

#include <charconv>

#include "configs/errors.hpp"

namespace naslat {

namespace {

std::uint64_t parse_index(const std::string& text, const SearchSpace& space, const std::string& where) {
  const auto size = space.size();
  if (!size) {
    throw DataError(fmt::format("{}: index: got '{}', wanted a column 'architecture': space {} is not numbered", where,
                                text.substr(0, 60), space.name()));
  }
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size() || index >= *size) {
    throw DataError(fmt::format("{}: index: got '{}', wanted 0 to {}", where, text.substr(0, 60), *size - 1));
  }
  return index;
}

}  // namespace

ArchitectureColumns architecture_columns(const CsvReader& csv) {
  ArchitectureColumns columns;
  for (std::size_t i = 0; i < csv.columns().size(); ++i) {
    const std::string& column = csv.columns()[i];
    if (column == "architecture" || column == "arch_str" || column == "arch_string") columns.text = i;
    if (column == "index" || column == "nb201_index") columns.index = i;
    if (column == "space") columns.space = i;
  }
  return columns;
}

bool is_of_another(const SearchSpace& space, const ArchitectureColumns& columns,
                   const std::vector<std::string>& cells) {
  if (!columns.space) return false;
  const std::string& named = cells[*columns.space];
  return named != space.name() && is_search_space(named);
}

Architecture read_architecture(const ArchitectureColumns& columns, const std::vector<std::string>& cells,
                               const SearchSpace& space, const CsvReader& csv) {
  if (columns.space && !cells[*columns.space].empty() && cells[*columns.space] != space.name()) {
    throw DataError(fmt::format("{}: space: got {}, wanted {}", csv.where(), cells[*columns.space], space.name()));
  }
  const bool by_index = columns.index && !(columns.text && cells[*columns.index].empty());
  const bool by_text = columns.text && !(by_index && cells[*columns.text].empty());
  std::optional<Architecture> named, indexed;
  if (by_text) {
    try {
      named = space.parse(cells[*columns.text]);
    } catch (const ConfigError& error) {
      throw DataError(fmt::format("{}: {}", csv.where(), error.what()));
    }
  }
  if (by_index) indexed = space.at(parse_index(cells[*columns.index], space, csv.where()));
  if (named && indexed && *named != *indexed) {
    throw DataError(fmt::format("{}: index {} is {}, not {}", csv.where(), cells[*columns.index],
                                space.format(*indexed), space.format(*named)));
  }
  return named ? *named : *indexed;
}

}  // namespace naslat
