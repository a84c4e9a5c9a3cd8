#include "configs/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "configs/json.hpp"

namespace naslat {

namespace {

bool is_number(const Cell& cell) {
  return std::holds_alternative<double>(cell) || std::holds_alternative<std::int64_t>(cell);
}

/// For people: rounded to the column's decimals.
std::string shown(const Cell& cell, const Column& column) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *integer);
  if (const auto* number = std::get_if<double>(&cell); number && std::isfinite(*number)) {
    return fmt::format("{:.{}f}", *number, column.decimals);
  }
  return "";
}

/// For machines: the shortest text that reads back as the same number.
std::string exact(const Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell)) return std::isfinite(*number) ? fmt::format("{}", *number) : "";
  return shown(cell, {});
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

bool numeric_column(const Table& table, std::size_t c) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) { return is_number(row.at(c)); });
}

}  // namespace

std::string markdown_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' || c == '<' || c == '[' ? std::string{'\\', c} : std::string(1, c);
  return escaped;
}

std::string to_text(const Table& table) {
  std::vector<std::vector<std::string>> cells(1);
  for (const Column& column : table.columns) cells[0].push_back(column.name);
  for (const auto& row : table.rows) {
    cells.emplace_back();
    for (std::size_t c = 0; c < table.columns.size(); ++c) cells.back().push_back(shown(row.at(c), table.columns[c]));
  }
  std::vector<std::size_t> width(table.columns.size());
  std::vector<bool> numeric;
  for (std::size_t c = 0; c < width.size(); ++c) {
    for (const auto& row : cells) width[c] = std::max(width[c], row[c].size());
    numeric.push_back(numeric_column(table, c));
  }
  std::string text = table.title.empty() ? "" : table.title + "\n";
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += c == 0 ? "" : "  ";
      line += numeric[c] ? fmt::format("{:>{}}", row[c], width[c]) : fmt::format("{:<{}}", row[c], width[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string to_markdown(const Table& table) {
  std::string text = table.title.empty() ? "" : fmt::format("### {}\n\n", markdown_text(table.title));
  std::string rule = "|";
  text += "|";
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    text += fmt::format(" {} |", markdown_text(table.columns[c].name));
    rule += numeric_column(table, c) ? "--:|" : "---|";
  }
  text += "\n" + rule + "\n";
  for (const auto& row : table.rows) {
    text += "|";
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      text += fmt::format(" {} |", markdown_text(shown(row.at(c), table.columns[c])));
    }
    text += "\n";
  }
  return text;
}

std::string to_csv(const Table& table) {
  std::string text;
  for (std::size_t c = 0; c < table.columns.size(); ++c) text += (c ? "," : "") + csv_field(table.columns[c].name);
  text += "\n";
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) text += (c ? "," : "") + csv_field(exact(row.at(c)));
    text += "\n";
  }
  return text;
}

std::string to_json(const Table& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json object;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      auto& value = object[table.columns[c].name];
      std::visit(
          [&](const auto& cell) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(cell)>, std::monostate>) value = cell;
          },
          row.at(c));
    }
    rows.push_back(std::move(object));
  }
  return json_text(rows);
}

}  // namespace naslat
