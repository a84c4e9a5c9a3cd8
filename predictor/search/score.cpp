#include "predictor/search/score.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <memory>

#include "configs/files.hpp"
#include "measure/architecture_columns.hpp"

namespace naslat {

namespace {

/// The column of that name; if none is given, the only one that does not name architectures.
std::size_t accuracy_column(const CsvReader& csv, const ArchitectureColumns& named_by, const std::string& name) {
  std::vector<std::string> names;
  std::size_t position = 0;
  for (std::size_t i = 0; i < csv.columns().size(); ++i) {
    if (i == named_by.text || i == named_by.index) continue;
    if (csv.columns()[i] == name) return i;
    names.push_back(csv.columns()[i]);
    position = i;
  }
  if (names.empty()) throw DataError(fmt::format("{}: no column of accuracies", csv.where()));
  if (name.empty() && names.size() == 1) return position;
  throw ConfigError(fmt::format("accuracy: got column '{}', wanted one of {}", name, fmt::join(names, ", ")));
}

double parse_percent(const std::string& text, const std::string& column, const std::string& where) {
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc{} || end != text.data() + text.size() || !(percent >= 0 && percent <= 100)) {
    throw DataError(fmt::format("{}: {}: got '{}', wanted 0 to 100 percent", where, column, text.substr(0, 60)));
  }
  return percent;
}

}  // namespace

Score accuracy_score(const std::string& file_and_column, const SearchSpace& space) {
  const std::size_t colon = file_and_column.rfind(':');
  const bool whole = colon == std::string::npos || std::filesystem::exists(file_and_column);
  const std::string path = whole ? file_and_column : file_and_column.substr(0, colon);
  CsvReader csv(read_file(path), path);
  const ArchitectureColumns named_by = architecture_columns(csv);
  if (!named_by.any()) throw DataError(fmt::format("{}: no column named architecture or index", csv.where()));
  const std::size_t column = accuracy_column(csv, named_by, whole ? "" : file_and_column.substr(colon + 1));

  const auto percent = std::make_shared<std::map<Architecture, double>>();
  std::vector<Architecture> known;
  for (std::vector<std::string> cells; csv.next(cells);) {
    const Architecture architecture = space.canonical(read_architecture(named_by, cells, space, csv));
    const double value =
        cells[column].empty() ? std::nan("") : parse_percent(cells[column], csv.columns()[column], csv.where());
    if (!percent->emplace(architecture, value).second) {
      throw DataError(fmt::format("{}: architecture {} a second time", csv.where(), space.format(architecture)));
    }
    if (!std::isnan(value)) known.push_back(architecture);
  }
  if (known.empty()) throw DataError(fmt::format("{}: got no accuracies, wanted at least 1", path));
  return {"accuracy_percent",
          [percent](std::span<const Architecture> architectures) {
            std::vector<double> scores;
            for (const Architecture& architecture : architectures) {
              const auto found = percent->find(architecture);
              scores.push_back(found == percent->end() ? std::nan("") : found->second);
            }
            return scores;
          },
          std::move(known)};
}

Score size_score(const std::string& name, const SearchSpace& space) {
  const auto figure = name == "macs" ? [](const Network& network) { return macs(network); }
                                     : [](const Network& network) { return parameters(network); };
  return {name, [&space, figure](std::span<const Architecture> architectures) {
            std::vector<double> scores;
            for (const Architecture& architecture : architectures) {
              scores.push_back(static_cast<double>(figure(space.network(architecture))));
            }
            return scores;
          }};
}

}  // namespace naslat
