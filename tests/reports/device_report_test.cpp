#include "reports/device_report.hpp"

#include <gtest/gtest.h>

#include "configs/errors.hpp"

namespace naslat {
namespace {

DeviceReport example() {
  DeviceReport report;
  report.space = "nasbench201";
  report.device = "cpu_t2_b1_f32_fused";
  report.origin = "measured";
  report.predictor = "help";
  report.settings = {{"dtype", "bf16", ""}, {"protocol", "5 timed runs", ""}};
  report.environment = {"0123", {{"model", "A processor", ""}, {"governor", "", "no permission"}}};
  report.warnings = {{"governor is schedutil", "sudo cpupower frequency-set -g performance"}};
  report.embedding = {0, 1};
  report.references = {{"|none~0|", 5, 1e-3, {}}, {"|skip_connect~0|", 6, 2e-3, {}}};
  report.samples = {{"|a~0|", 1, 1.5e-3, 1.6e-3}};
  report.held_out = {{"|b~0|", 2, 1e-3, 1.04e-3}, {"|c~0|", 3, 2e-3, 2.18e-3}, {"|d~0|", {}, 4e-3, 3e-3}};
  report.accuracy = judge(report.held_out);
  report.noise = {0.012, 0.004, 1, 6};
  report.predicted_networks = 15625;
  report.fastest = {{"|e~0|", 9, {}, 0.5e-3}};
  report.slowest = {{"|f~0|", 10, {}, 9e-3}};
  report.found = {{"|g~0|", 11, 3e-3, 3.1e-3, 0.2e-3, 5e6}};
  report.wall_s = 12.5;
  report.adapt_s = 0.05;
  return report;
}

TEST(DeviceReport, JudgesHeldOutNetworksByRankAndRelativeError) {
  const HeldOut a = example().accuracy;
  EXPECT_EQ(a.count, 3U);
  EXPECT_DOUBLE_EQ(a.spearman, 1);
  EXPECT_DOUBLE_EQ(a.kendall, 1);
  EXPECT_NEAR(a.median_ape, 0.09, 1e-12);
  EXPECT_NEAR(a.within_5pct, 1.0 / 3, 1e-12);
  EXPECT_NEAR(a.within_10pct, 2.0 / 3, 1e-12);
}

TEST(DeviceReport, JsonRoundTripsAndIsRenderedTheSame) {
  const DeviceReport report = example();
  const DeviceReport again = parse_device_report(to_json(report), "report.json");
  EXPECT_EQ(to_json(again), to_json(report));
  EXPECT_EQ(to_markdown(again), to_markdown(report));
  EXPECT_EQ(held_out_svg(again), held_out_svg(report));
  EXPECT_EQ(again.environment, report.environment);
}

TEST(DeviceReport, SaysHowItWasMeasured) {
  const std::string text = to_markdown(example());
  for (const char* part : {"| dtype | bf16 |", "| protocol | 5 timed runs |", "1 of 6 networks flagged"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

TEST(DeviceReport, SimulatedLatenciesAreLabelledWhereverTheyAreShown) {
  DeviceReport report = example();
  report.origin = "simulated";
  for (const std::string& text :
       {summary(report), to_markdown(report), to_html(report), held_out_svg(report), to_json(report)}) {
    EXPECT_NE(text.find("simulated"), std::string::npos) << text;
  }
}

TEST(DeviceReport, PageNeedsNoFileBesideIt) {
  const DeviceReport report = example();
  const std::string page = to_html(report);
  EXPECT_NE(page.find(held_out_svg(report)), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_EQ(page.find("href="), std::string::npos);
  EXPECT_NE(page.find("<td>|g~0|</td>"), std::string::npos);
}

TEST(DeviceReport, UnsteadyMachineIsTheFirstThingTheReportSays) {
  DeviceReport report = example();
  EXPECT_EQ(to_markdown(report).find("was not steady"), std::string::npos);
  report.noise.anchor_spread = 0.05;
  const std::string text = to_markdown(report);
  ASSERT_NE(text.find("was not steady"), std::string::npos);
  EXPECT_LT(text.find("was not steady"), text.find("##"));
}

TEST(DeviceReport, WithoutAnchorsNothingIsSaidOfTheirSpread) {
  DeviceReport report = example();
  report.noise.anchor_spread.reset();
  EXPECT_NE(to_markdown(report).find("no anchor network was timed, samples of"), std::string::npos);
  EXPECT_EQ(to_markdown(parse_device_report(to_json(report), "report.json")), to_markdown(report));
}

TEST(DeviceReport, TruncatedOrForeignJsonIsAnError) {
  const std::string text = to_json(example());
  for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
    EXPECT_THROW(static_cast<void>(parse_device_report(text.substr(0, length), "report.json")), DataError) << length;
  }
  EXPECT_THROW(static_cast<void>(parse_device_report("{}", "report.json")), DataError);
  EXPECT_THROW(static_cast<void>(parse_device_report("[1]", "report.json")), DataError);
}

TEST(DeviceReport, MeasuredNetworksKeepTheirRoles) {
  const Table table = measured_networks(example());
  ASSERT_EQ(table.rows.size(), 7U);
  EXPECT_EQ(std::get<std::string>(table.rows[0][0]), "reference");
  EXPECT_EQ(std::get<std::string>(table.rows[5][0]), "held_out");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[5][1]));
}

}  // namespace
}  // namespace naslat
