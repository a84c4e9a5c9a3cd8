#include <fmt/format.h>

#include "configs/errors.hpp"
#include "configs/json.hpp"
#include "reports/device_report.hpp"

namespace naslat {

namespace {

Json optional_json(const std::optional<double>& number) { return number ? Json(*number) : Json(nullptr); }

std::optional<double> optional_number(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

Json milliseconds(const std::optional<double>& seconds) { return seconds ? Json(*seconds * 1e3) : Json(nullptr); }

std::optional<double> seconds(const Json& row, const char* field) {
  const Json& value = row.at(field);
  return value.is_null() ? std::nullopt : std::optional(value.get<double>() / 1e3);
}

Json rows_json(const std::vector<NetworkRow>& rows) {
  Json list = Json::array();
  for (const NetworkRow& row : rows) {
    list.push_back({{"architecture", row.architecture},
                    {"index", row.index ? Json(*row.index) : Json(nullptr)},
                    {"latency_ms", milliseconds(row.measured_s)},
                    {"predicted_ms", milliseconds(row.predicted_s)},
                    {"plus_minus_ms", milliseconds(row.half_width_s)}});
    if (row.macs) list.back()["macs"] = *row.macs;
  }
  return list;
}

std::vector<NetworkRow> parse_rows(const Json& list) {
  std::vector<NetworkRow> rows;
  for (const Json& row : list) {
    NetworkRow parsed{row.at("architecture").get<std::string>()};
    if (!row.at("index").is_null()) parsed.index = row.at("index").get<std::uint64_t>();
    parsed.measured_s = seconds(row, "latency_ms");
    parsed.predicted_s = seconds(row, "predicted_ms");
    if (row.contains("plus_minus_ms")) parsed.half_width_s = seconds(row, "plus_minus_ms");  // earlier reports lack it
    if (row.contains("macs")) parsed.macs = row.at("macs").get<double>();
    rows.push_back(std::move(parsed));
  }
  return rows;
}

Json facts_json(const std::vector<Fact>& list) {
  Json facts = Json::array();
  for (const Fact& fact : list) {
    Json entry = {{"name", fact.name}, {"value", fact.missing_because.empty() ? Json(fact.value) : Json(nullptr)}};
    if (!fact.missing_because.empty()) entry["missing_because"] = fact.missing_because;
    facts.push_back(std::move(entry));
  }
  return facts;
}

std::vector<Fact> parse_facts(const Json& json) {
  std::vector<Fact> facts;
  for (const Json& entry : json) {
    const Json& value = entry.at("value");
    facts.push_back({entry.at("name").get<std::string>(), value.is_null() ? "" : value.get<std::string>(),
                     entry.value("missing_because", std::string())});
  }
  return facts;
}

}  // namespace

std::string to_json(const DeviceReport& report) {
  Json warnings = Json::array();
  for (const Warning& warning : report.warnings) {
    warnings.push_back({{"cause", warning.cause}, {"remedy", warning.remedy}});
  }
  const HeldOut& a = report.accuracy;
  const Json document = {
      {"device", report.device},
      {"origin", report.origin},
      {"space", report.space},
      {"predictor", report.predictor},
      {"settings", facts_json(report.settings)},
      {"environment", {{"key", report.environment.key}, {"facts", facts_json(report.environment.facts)}}},
      {"warnings", std::move(warnings)},
      {"embedding", report.embedding},
      {"held_out",
       {{"count", a.count},
        {"spearman", a.spearman},
        {"kendall", a.kendall},
        {"median_ape", a.median_ape},
        {"within_5pct", a.within_5pct},
        {"within_10pct", a.within_10pct},
        {"coverage90", optional_json(a.coverage90)}}},
      {"noise",
       {{"anchor_spread", optional_json(report.noise.anchor_spread)},
        {"median_relative_mad", report.noise.median_relative_mad},
        {"flagged_networks", report.noise.flagged_networks},
        {"networks", report.noise.networks}}},
      {"wall_s", report.wall_s},
      {"adapt_s", report.adapt_s},
      {"predicted_networks", report.predicted_networks},
      {"error_bar", optional_json(report.error_bar)},
      {"target_error", report.target_error},
      {"networks",
       {{"reference", rows_json(report.references)},
        {"sample", rows_json(report.samples)},
        {"held_out", rows_json(report.held_out)},
        {"fastest", rows_json(report.fastest)},
        {"slowest", rows_json(report.slowest)},
        {"found", rows_json(report.found)}}}};
  return json_text(document) + "\n";
}

DeviceReport parse_device_report(const std::string& text, const std::string& subject) try {
  const Json json = parse_json(text);
  DeviceReport report;
  report.device = json.at("device").get<std::string>();
  report.origin = json.at("origin").get<std::string>();
  report.space = json.at("space").get<std::string>();
  report.predictor = json.at("predictor").get<std::string>();
  if (json.contains("settings")) report.settings = parse_facts(json.at("settings"));  // earlier reports lack them
  const Json& environment = json.at("environment");
  report.environment = {environment.at("key").get<std::string>(), parse_facts(environment.at("facts"))};
  for (const Json& warning : json.at("warnings")) {
    report.warnings.push_back({warning.at("cause").get<std::string>(), warning.at("remedy").get<std::string>()});
  }
  report.embedding = json.at("embedding").get<std::vector<double>>();
  const Json& noise = json.at("noise");
  report.noise = {optional_number(noise.at("anchor_spread")), noise.at("median_relative_mad").get<double>(),
                  noise.at("flagged_networks").get<std::size_t>(), noise.value("networks", std::size_t{0})};
  report.wall_s = json.at("wall_s").get<double>();
  report.adapt_s = json.at("adapt_s").get<double>();
  report.predicted_networks = json.at("predicted_networks").get<std::uint64_t>();
  if (json.contains("error_bar")) {  // earlier reports lack it
    report.error_bar = optional_number(json.at("error_bar"));
    report.target_error = json.at("target_error").get<double>();
  }
  const Json& networks = json.at("networks");
  report.references = parse_rows(networks.at("reference"));
  report.samples = parse_rows(networks.at("sample"));
  report.held_out = parse_rows(networks.at("held_out"));
  report.fastest = parse_rows(networks.at("fastest"));
  report.slowest = parse_rows(networks.at("slowest"));
  if (networks.contains("found")) report.found = parse_rows(networks.at("found"));  // likewise
  if (report.embedding.size() != report.references.size()) {
    throw DataError(fmt::format("{}: embedding has {} values, there are {} reference networks", subject,
                                report.embedding.size(), report.references.size()));
  }
  for (const NetworkRow& row : report.held_out) {
    if (!row.measured_s || !row.predicted_s) throw DataError(subject + ": held-out network without a latency");
  }
  for (const NetworkRow& row : report.found) {
    constexpr double kMost = 1e18;
    if (row.macs && !(*row.macs >= 0 && *row.macs <= kMost)) {
      throw DataError(fmt::format("{}: macs: got {}, wanted 0 to {}", subject, *row.macs, kMost));
    }
  }
  report.accuracy = judge(report.held_out);
  return report;
} catch (const nlohmann::json::exception& error) {
  throw DataError(fmt::format("{}: not what characterize wrote: {}", subject, reason(error)));
}

}  // namespace naslat
