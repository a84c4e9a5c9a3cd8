#include "reports/device_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "configs/scatter.hpp"
#include "predictor/metrics.hpp"
#include "reports/html.hpp"

namespace naslat {

namespace {

Cell index_cell(const NetworkRow& row) {
  return row.index ? Cell(static_cast<std::int64_t>(*row.index)) : Cell(std::monostate{});
}

Cell ms_cell(const std::optional<double>& seconds) { return seconds ? Cell(*seconds * 1e3) : Cell(std::monostate{}); }

/// Relative error of a prediction in percent, empty where either side is missing.
Cell error_cell(const NetworkRow& row) {
  if (!row.measured_s || !row.predicted_s) return {};
  return (*row.predicted_s / *row.measured_s - 1) * 100;
}

Table network_table(const std::string& title, const std::vector<NetworkRow>& rows) {
  Table table{title, {{"architecture"}, {"index"}, {"latency_ms"}, {"predicted_ms"}, {"error_pct", 1}}, {}};
  for (const NetworkRow& row : rows) {
    table.rows.push_back(
        {row.architecture, index_cell(row), ms_cell(row.measured_s), ms_cell(row.predicted_s), error_cell(row)});
  }
  return table;
}

Table reference_table(const DeviceReport& report) {
  Table table{
      "Reference networks and hardware embedding", {{"architecture"}, {"index"}, {"latency_ms"}, {"V_h", 4}}, {}};
  for (std::size_t i = 0; i < report.references.size(); ++i) {
    const NetworkRow& row = report.references[i];
    table.rows.push_back({row.architecture, index_cell(row), ms_cell(row.measured_s), report.embedding.at(i)});
  }
  return table;
}

Table predicted_table(const std::string& title, const std::vector<NetworkRow>& rows) {
  Table table{title, {{"architecture"}, {"index"}, {"predicted_ms"}, {"plus_minus_ms"}}, {}};
  for (const NetworkRow& row : rows) {
    table.rows.push_back({row.architecture, index_cell(row), ms_cell(row.predicted_s), ms_cell(row.half_width_s)});
  }
  return table;
}

Table found_table(const std::vector<NetworkRow>& rows) {
  Table table{"Found by search: no network has more multiply-accumulates in less time, by prediction",
              {{"architecture"}, {"index"}, {"macs"}, {"latency_ms"}, {"predicted_ms"}, {"plus_minus_ms"}},
              {}};
  for (const NetworkRow& row : rows) {
    table.rows.push_back({row.architecture, index_cell(row),
                          row.macs ? Cell(static_cast<std::int64_t>(*row.macs)) : Cell(), ms_cell(row.measured_s),
                          ms_cell(row.predicted_s), ms_cell(row.half_width_s)});
  }
  return table;
}

Table facts_table(const char* title, const std::vector<Fact>& facts) {
  Table table{title, {{"fact"}, {"value"}}, {}};
  for (const Fact& fact : facts) {
    table.rows.push_back({fact.name, fact.missing_because.empty() ? fact.value : "unknown: " + fact.missing_because});
  }
  return table;
}

std::string accuracy_line(const DeviceReport& report) {
  const HeldOut& a = report.accuracy;
  std::string line =
      fmt::format("Spearman {:.3f}, Kendall {:.3f}, median error {:.1f}%, within 5%: {:.0f}%, within 10%: {:.0f}%",
                  a.spearman, a.kendall, a.median_ape * 100, a.within_5pct * 100, a.within_10pct * 100);
  if (a.coverage90) line += fmt::format(", within their 90% intervals: {:.0f}%", *a.coverage90 * 100);
  return line;
}

/// How sure the predictor is, and whether that is as sure as was asked for.
std::string certainty(const DeviceReport& report) {
  if (!report.error_bar) return "without error bars";
  const bool reached = *report.error_bar <= report.target_error;
  return fmt::format("90% within ±{:.1f}% (median){}", *report.error_bar * 100,
                     reached ? "" : fmt::format(", wanted ±{:.1f}%", report.target_error * 100));
}

std::string noise_line(const Noise& noise) {
  const std::string anchors =
      noise.anchor_spread
          ? fmt::format("anchor network moved by {:.1f}% (5th to 95th percentile)", *noise.anchor_spread * 100)
          : "no anchor network was timed";
  return fmt::format("{}, samples of one network by {:.1f}% (MAD), {}{} networks flagged", anchors,
                     noise.median_relative_mad * 100, noise.flagged_networks,
                     noise.networks > 0 ? fmt::format(" of {}", noise.networks) : "");
}

/// Simulated latencies are never shown without saying so.
std::string labelled(const DeviceReport& report) {
  return report.origin == "measured" ? report.device : fmt::format("{} ({})", report.device, report.origin);
}

std::string latency_text(const NetworkRow& row) {
  return fmt::format("{:.3f} ms", row.predicted_s.value_or(NAN) * 1e3);
}

}  // namespace

HeldOut judge(const std::vector<NetworkRow>& rows) {
  std::vector<double> measured, predicted;
  for (const NetworkRow& row : rows) {
    measured.push_back(row.measured_s.value());
    predicted.push_back(row.predicted_s.value());
  }
  HeldOut result{.count = rows.size()};
  if (rows.size() < 2) return result;
  if (std::all_of(rows.begin(), rows.end(), [](const NetworkRow& row) { return row.half_width_s.has_value(); })) {
    const auto within = std::count_if(rows.begin(), rows.end(), [](const NetworkRow& row) {
      return std::abs(*row.measured_s - *row.predicted_s) <= *row.half_width_s;
    });
    result.coverage90 = static_cast<double>(within) / static_cast<double>(rows.size());
  }
  result.spearman = spearman(predicted, measured);
  result.kendall = kendall(predicted, measured);
  result.median_ape = median_ape(predicted, measured);
  result.within_5pct = share_within(predicted, measured, 0.05);
  result.within_10pct = share_within(predicted, measured, 0.10);
  return result;
}

std::string summary(const DeviceReport& report) {
  std::vector<std::string> embedding;
  for (const double v : report.embedding) embedding.push_back(fmt::format("{:.3f}", v));
  std::string text = fmt::format("device      {}\nembedding   {}\nnoise       {}\n", labelled(report),
                                 fmt::join(embedding, " "), noise_line(report.noise));
  text += fmt::format("held out    {} networks: {}\n", report.accuracy.count, accuracy_line(report));
  text += fmt::format("predicted   {} networks with {} from {} samples in {:.0f} ms, {}\n", report.predicted_networks,
                      report.predictor, report.samples.size() + report.references.size(), report.adapt_s * 1e3,
                      certainty(report));
  if (!report.fastest.empty()) {
    text +=
        fmt::format("fastest     {} predicted, {}\n", latency_text(report.fastest[0]), report.fastest[0].architecture);
    text +=
        fmt::format("slowest     {} predicted, {}\n", latency_text(report.slowest[0]), report.slowest[0].architecture);
  }
  if (!report.found.empty()) {
    text += fmt::format("found       {} networks with more MACs than any as fast, by prediction; then timed\n",
                        report.found.size());
  }
  return text + fmt::format("time        {:.1f} s\n", report.wall_s);
}

std::string to_markdown(const DeviceReport& report) {
  std::string text =
      fmt::format("# {}\n\nLatencies of {} on this device, {}.\n\n", markdown_text(labelled(report)),
                  markdown_text(report.space), report.origin == "measured" ? "measured here" : report.origin);
  if (report.noise.anchor_spread.value_or(0) > 0.03) {
    text += fmt::format("**The machine was not steady: its anchor network's latency moved by {:.1f}%.**\n\n",
                        *report.noise.anchor_spread * 100);
  }
  text += fmt::format(
      "## How good the predictions are\n\n{} networks were timed after the predictor had been fitted "
      "without them: {}.\n\n![measured against predicted]({})\n\n",
      report.accuracy.count, accuracy_line(report), kHeldOutPicture);
  text += fmt::format("## How steady the machine was\n\n{}.\n\n", noise_line(report.noise));
  for (const Warning& warning : report.warnings)
    text += fmt::format("- {}; {}\n", markdown_text(warning.cause), markdown_text(warning.remedy));
  if (!report.warnings.empty()) text += "\n";
  text += "## Networks\n\n" + to_markdown(reference_table(report)) + "\n";
  text += to_markdown(network_table("Samples the predictor was fitted to", report.samples)) + "\n";
  text += to_markdown(network_table("Held-out networks", report.held_out)) + "\n";
  text += to_markdown(predicted_table("Fastest networks by prediction", report.fastest)) + "\n";
  text += to_markdown(predicted_table("Slowest networks by prediction", report.slowest)) + "\n";
  if (!report.found.empty()) text += to_markdown(found_table(report.found)) + "\n";
  text += fmt::format("All {} predictions, by {}, {}: `predictions.csv`. Raw samples: `dataset.jsonl`.\n\n",
                      report.predicted_networks, report.predictor, certainty(report));
  if (!report.settings.empty()) text += to_markdown(facts_table("How it was measured", report.settings)) + "\n";
  return text + to_markdown(facts_table("Environment", report.environment.facts));
}

std::string to_html(const DeviceReport& report) {
  const Picture picture{kHeldOutPicture, held_out_svg(report)};
  return html_page(labelled(report), to_markdown(report), {&picture, 1});
}

Table measured_networks(const DeviceReport& report) {
  Table table{"",
              {{"role"},
               {"index"},
               {"architecture"},
               {"latency_ms"},
               {"predicted_ms"},
               {"plus_minus_ms"},
               {"device"},
               {"origin"}},
              {}};
  const auto add = [&](const char* role, const std::vector<NetworkRow>& rows) {
    for (const NetworkRow& row : rows) {
      table.rows.push_back({role, index_cell(row), row.architecture, ms_cell(row.measured_s), ms_cell(row.predicted_s),
                            ms_cell(row.half_width_s), report.device, report.origin});
    }
  };
  add("reference", report.references);
  add("sample", report.samples);
  add("held_out", report.held_out);
  add("found", report.found);
  return table;
}

std::string held_out_svg(const DeviceReport& report) {
  Scatter panel{fmt::format("{}: Spearman {:.3f}", labelled(report), report.accuracy.spearman),
                "measured, ms",
                "predicted, ms",
                {}};
  for (const NetworkRow& row : report.held_out) {
    panel.dots.push_back({row.measured_s.value() * 1e3, row.predicted_s.value() * 1e3});
  }
  return to_svg({&panel, 1});
}

}  // namespace naslat
