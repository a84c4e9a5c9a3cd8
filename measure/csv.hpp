#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace naslat {

/// Walks over a table in CSV: a header line, then rows, cells separated by commas, texts with commas, quotes or line
/// breaks in double quotes (RFC 4180). Lines may end in \n or \r\n; blank lines are skipped.
class CsvReader {
 public:
  /// @param path for messages only
  /// @throws DataError "path:line: …" without a header, or with a column named twice
  CsvReader(std::string text, std::string path);

  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  /// Reads the next row, one cell per column. @returns false at the end @throws DataError
  bool next(std::vector<std::string>& cells);
  /// "path:line" of the row read last.
  [[nodiscard]] std::string where() const;

 private:
  bool read_row(std::vector<std::string>& cells);
  std::string read_quoted();

  std::string text_, path_;
  std::size_t at_ = 0, line_ = 1, row_line_ = 0;
  std::vector<std::string> columns_;
};

}  // namespace naslat
