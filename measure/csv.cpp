#include "measure/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "configs/errors.hpp"

namespace naslat {

namespace {

constexpr std::size_t kMostColumns = 10'000;

}  // namespace

CsvReader::CsvReader(std::string text, std::string path) : text_(std::move(text)), path_(std::move(path)) {
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // the mark some spreadsheets put before UTF-8
  if (!read_row(columns_)) throw DataError(fmt::format("{}: empty, wanted a header line", path_));
  std::set<std::string> seen;
  for (const std::string& column : columns_) {
    if (!seen.insert(column).second) throw DataError(fmt::format("{}: two columns named '{}'", where(), column));
  }
}

bool CsvReader::next(std::vector<std::string>& cells) {
  if (!read_row(cells)) return false;
  if (cells.size() != columns_.size()) {
    throw DataError(fmt::format("{}: got {} cells, wanted {}", where(), cells.size(), columns_.size()));
  }
  return true;
}

std::string CsvReader::where() const { return fmt::format("{}:{}", path_, row_line_); }

bool CsvReader::read_row(std::vector<std::string>& cells) {
  cells.clear();
  while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) line_ += text_[at_++] == '\n' ? 1 : 0;
  if (at_ == text_.size()) return false;
  row_line_ = line_;
  while (true) {
    if (cells.size() == kMostColumns) throw DataError(fmt::format("{}: more than {} cells", where(), kMostColumns));
    if (at_ < text_.size() && text_[at_] == '"') {
      cells.push_back(read_quoted());
    } else {
      const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
      cells.push_back(text_.substr(at_, end - at_));
      at_ = end;
    }
    if (at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r') return true;
    if (text_[at_] != ',') throw DataError(fmt::format("{}: text after a closing quote, wanted a comma", where()));
    ++at_;
  }
}

std::string CsvReader::read_quoted() {
  std::string cell;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      if (at_ == text_.size() || text_[at_] != '"') return cell;
    }
    line_ += text_[at_] == '\n' ? 1 : 0;
    cell += text_[at_];
  }
  throw DataError(fmt::format("{}: quoted text without an end", where()));
}

}  // namespace naslat
