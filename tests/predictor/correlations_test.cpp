#include "predictor/correlations.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "configs/errors.hpp"
#include "measure/import.hpp"
#include "measure/measurement_text.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/results.hpp"
#include "tests/temporary_folder.hpp"

namespace naslat {
namespace {

LatencyTable table_of(const std::string& device, const std::vector<double>& latency_s,
                      const std::vector<double>& repeated_s = {}) {
  static const auto list = std::make_shared<const std::vector<Architecture>>(4);
  return {"nasbench201", device, Origin::measured, list, latency_s, {}, repeated_s};
}

double cell(const Table& table, std::size_t row, std::size_t column) {
  return std::get<double>(table.rows.at(row).at(column));
}

Table correlations(const std::vector<LatencyTable>& tables, const std::vector<std::string>& repetitions = {}) {
  return results_table(correlations_json("tablea3", tables, {}, repetitions), "test");
}

const double kNone = std::nan("");

TEST(Correlations, OfADeviceMeasuredOnceWithItselfAreOne) {
  const Table table = correlations({table_of("a", {1, 2, 3, kNone}), table_of("b", {1, 3, 2, 4})});
  EXPECT_EQ(cell(table, 0, 1), 1);
  EXPECT_NEAR(cell(table, 0, 2), 0.5, 1e-12);  // over the three networks that both have
  EXPECT_NEAR(cell(table, 1, 1), 0.5, 1e-12);
  EXPECT_EQ(cell(table, 1, 2), 1);
}

TEST(Correlations, OnTheDiagonalAreThoseOfTheFirstWithTheSecondMeasurement) {
  const std::vector<LatencyTable> tables = {table_of("a", {1, 2, 3, 4}, {kNone, 2, 4, 3}), table_of("b", {1, 3, 2, 4}),
                                            table_of("b again", {1, 2, 3, 4})};
  const Table repeats = correlations(tables);
  EXPECT_NEAR(cell(repeats, 0, 1), 0.5, 1e-12);
  EXPECT_EQ(cell(repeats, 1, 2), 1);
  ASSERT_EQ(repeats.rows.size(), 3U);
  const Table named = correlations(tables, {"b=b again"});
  ASSERT_EQ(named.rows.size(), 2U);  // a repetition is no device of its own
  EXPECT_NEAR(cell(named, 0, 1), 0.5, 1e-12);
  EXPECT_NEAR(cell(named, 1, 2), 0.8, 1e-12);
  EXPECT_NE(correlations_json("", tables, {}, {"b=b again"}).find("second measurement of a, b"), std::string::npos);
}

TEST(Correlations, RepetitionsMustNameTwoTables) {
  const std::vector<LatencyTable> tables = {table_of("a", {1, 2, 3, 4}), table_of("b", {1, 3, 2, 4}),
                                            table_of("c", {kNone, kNone, kNone, 1})};
  for (const char* text : {"", "a", "a=", "=a", "a=a", "a=nosuch", "nosuch=a"}) {
    EXPECT_THROW(static_cast<void>(correlations(tables, {text})), ConfigError) << text;
  }
  EXPECT_THROW(static_cast<void>(correlations(tables, {"a=c"})), DataError);
  EXPECT_THROW(static_cast<void>(correlations({tables[0]})), DataError);
  EXPECT_EQ(cell(correlations({table_of("a", {1, 2, 3, 4}, {4, 3, 2, 1})}), 0, 1), -1);  // one, but measured twice
}

/// Two campaigns over lists of their own, of which one measured its networks twice.
TEST(Correlations, RepeatsSurviveTheJoinOfSeveralPlaces) {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& csv, bool twice) {
    folder.write("table.csv", csv);
    const Environment environment = import_environment("csv", "table.csv");
    std::string text = to_line(environment) + "\n";
    import_records(read_published_tables("csv", folder / "table.csv", "nasbench201"), environment,
                   [&](Measurement record) {
                     text += to_line(record) + "\n";
                     record.repeat = 1;
                     *record.latency_s_given = 1 / *record.latency_s_given;
                     if (twice) text += to_line(record) + "\n";
                   });
    folder.write(name, text);
  };
  write("once.jsonl", "index,a_ms\n5,1\n6,2\n7,3\n", false);
  write("twice.jsonl", "index,b_ms\n7,3\n6,1\n8,9\n", true);
  const auto tables =
      read_all_tables({(folder / "once.jsonl").string(), (folder / "twice.jsonl").string()}, "nasbench201");
  ASSERT_EQ(tables.size(), 2U);
  const auto of_folder =
      read_all_tables({folder.path().string()}, "nasbench201");  // table.csv is not one of its datasets
  ASSERT_EQ(of_folder.size(), 2U);
  for (std::size_t d = 0; d < 2; ++d) {
    EXPECT_EQ(of_folder[d].device, tables[d].device);
    EXPECT_EQ(*of_folder[d].architectures, *tables[d].architectures);
  }
  EXPECT_TRUE(tables[0].repeated_s.empty());
  const Table table = correlations(tables);
  EXPECT_EQ(cell(table, 0, 1), 1);
  EXPECT_NEAR(cell(table, 0, 2), 1, 1e-12);
  EXPECT_NEAR(cell(table, 1, 2), -1, 1e-12);
}

}  // namespace
}  // namespace naslat
