#include "measure/csv.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "spaces/random.hpp"

namespace naslat {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(const std::string& text) {
  CsvReader csv(text, "t.csv");
  Rows rows = {csv.columns()};
  for (std::vector<std::string> cells; csv.next(cells);) rows.push_back(cells);
  return rows;
}

std::string error_of(const std::string& text) {
  try {
    static_cast<void>(rows_of(text));
  } catch (const DataError& error) {
    return error.what();
  }
  return {};
}

TEST(Csv, QuotedCellsHoldCommasQuotesAndLineBreaks) {
  EXPECT_EQ(rows_of("a,b\n1,\"x, \"\"y\"\"\nz\"\n"), (Rows{{"a", "b"}, {"1", "x, \"y\"\nz"}}));
}

TEST(Csv, LineEndingsBlankLinesAndByteOrderMarksDoNotMatter) {
  EXPECT_EQ(rows_of("\xef\xbb\xbf"
                    "a,b\r\n\r\n1,\r\n,2"),
            (Rows{{"a", "b"}, {"1", ""}, {"", "2"}}));
}

TEST(Csv, ErrorsNameTheLine) {
  EXPECT_EQ(error_of(""), "t.csv: empty, wanted a header line");
  EXPECT_EQ(error_of("a,b\n1,2\n\n1,2,3\n"), "t.csv:4: got 3 cells, wanted 2");
  EXPECT_EQ(error_of("a,b\n\"1\n\n\",2\n1\n"), "t.csv:5: got 1 cells, wanted 2");
  EXPECT_EQ(error_of("a,a\n"), "t.csv:1: two columns named 'a'");
  EXPECT_EQ(error_of("a\n\"1"), "t.csv:2: quoted text without an end");
  EXPECT_EQ(error_of("a\n\"1\"2"), "t.csv:2: text after a closing quote, wanted a comma");
  EXPECT_EQ(error_of(std::string(20'000, ',')), "t.csv:1: more than 10000 cells");
}

/// Whatever the bytes, reading them ends, with a DataError or without.
TEST(Csv, RandomBytesAreErrorsAndNeverMore) {
  const std::string alphabet("a1,\"\n\r\0", 7);
  Rng rng(1);
  int read_well = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::uint64_t length = rng.below(12); length > 0; --length) text += alphabet[rng.below(alphabet.size())];
    read_well += error_of(text).empty() ? 1 : 0;
  }
  EXPECT_GT(read_well, 1000);
}

}  // namespace
}  // namespace naslat
