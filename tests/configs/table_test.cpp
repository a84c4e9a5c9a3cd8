#include "configs/table.hpp"
#include "configs/json.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace naslat {
namespace {

Table example() {
  return {"Latencies",
          {{"architecture"}, {"index"}, {"latency_ms", 2}},
          {{"|none~0|", std::int64_t{7}, 1.23456}, {"say \"hi\", twice", std::int64_t{12}, {}}}};
}

TEST(Table, MarkdownEscapesPipesAndLeavesMissingCellsEmpty) {
  EXPECT_EQ(to_markdown(example()),
            "### Latencies\n\n"
            "| architecture | index | latency_ms |\n"
            "|---|--:|--:|\n"
            "| \\|none~0\\| | 7 | 1.23 |\n"
            "| say \"hi\", twice | 12 |  |\n");
}

TEST(Table, CsvQuotesOnlyWhatNeedsItAndKeepsFullPrecision) {
  EXPECT_EQ(to_csv(example()),
            "architecture,index,latency_ms\n"
            "|none~0|,7,1.23456\n"
            "\"say \"\"hi\"\", twice\",12,\n");
}

TEST(Table, TextAlignsNumbersToTheRight) {
  EXPECT_EQ(to_text({"", {{"name"}, {"x_ms", 1}}, {{"a", 10.0}, {"bcd", 9.96}}}),
            "name  x_ms\n"
            "a     10.0\n"
            "bcd   10.0\n");
}

TEST(Table, JsonHasNullForMissing) {
  const auto document = parse_json(to_json(example()));
  EXPECT_EQ(document.at(0).at("latency_ms"), 1.23456);
  EXPECT_TRUE(document.at(1).at("latency_ms").is_null());
}

TEST(Table, NotANumberIsPrintedAsMissing) { EXPECT_EQ(to_csv({"", {{"x_ms"}}, {{std::nan("")}}}), "x_ms\n\n"); }

}  // namespace
}  // namespace naslat
