#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace naslat {

/// A column: its name carries the unit ("latency_ms"); numbers are printed with `decimals` places.
struct Column {
  std::string name;
  int decimals = 3;
};

/// Nothing is printed empty, never as 0.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double>;

/// What every command and report prints: rows of cells under named columns, rendered as text, Markdown, CSV or JSON.
/// It is in the lowest module because the commands of every module end in one.
struct Table {
  std::string title;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< each as long as columns
};

/// Columns aligned by spaces, for a terminal.
[[nodiscard]] std::string to_text(const Table& table);
/// A text that Markdown shows as it is: a pipe would end its cell, and architecture texts are full of them; what looks
/// like HTML or a link would be taken for it.
[[nodiscard]] std::string markdown_text(const std::string& text);
/// "### title", then a pipe table; numbers right-aligned.
[[nodiscard]] std::string to_markdown(const Table& table);
/// RFC 4180: a header line, then rows; texts with commas, quotes or line breaks are quoted. Numbers in full precision.
[[nodiscard]] std::string to_csv(const Table& table);
/// An array of objects keyed by column name, numbers in full precision, missing cells null.
[[nodiscard]] std::string to_json(const Table& table);

}  // namespace naslat
