#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "configs/errors.hpp"
#include "configs/json.hpp"
#include "configs/table.hpp"
#include "predictor/experiment.hpp"
#include "predictor/metrics.hpp"
#include "predictor/results.hpp"

namespace naslat {

namespace {

/// Figures that a predictor or a published row lacks stay empty.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

double mean_of(const ResultRow& row, double Evaluation::*field) {
  return row.draws.empty() ? std::nan("") : mean(row.all(field));
}

struct Spearman {
  double mean = std::nan(""), deviation = std::nan(""), worst = std::nan(""), best = std::nan("");

  explicit Spearman(const ResultRow& row) {
    if (row.draws.empty()) return;
    const std::vector<double> rho = row.all(&Evaluation::spearman);
    mean = naslat::mean(rho);
    if (rho.size() > 1) deviation = standard_deviation(rho);
    worst = *std::min_element(rho.begin(), rho.end());
    best = *std::max_element(rho.begin(), rho.end());
  }
};

Json row_json(const Experiment& experiment, const ResultRow& row) {
  const Spearman spearman(row);
  return {
      {"predictor", row.predictor},
      {"protocol", row.protocol},
      {"space", row.space},
      {"set", row.set},
      {"device", row.device},
      {"samples", row.samples},
      {"train_devices", row.train_devices > 0 ? Json(row.train_devices) : Json(nullptr)},
      {"designed", row.designed},
      {"seeds", experiment.seeds},
      {"spearman_mean", number(spearman.mean)},
      {"spearman_std", number(spearman.deviation)},
      {"spearman_worst", number(spearman.worst)},
      {"spearman_best", number(spearman.best)},
      {"kendall_mean", number(mean_of(row, &Evaluation::kendall))},
      {"kendall_std", row.draws.size() < 2 ? Json(nullptr) : number(standard_deviation(row.all(&Evaluation::kendall)))},
      {"median_ape_mean", number(mean_of(row, &Evaluation::median_ape))},
      {"within_5pct_mean", number(mean_of(row, &Evaluation::within_5pct))},
      {"within_10pct_mean", number(mean_of(row, &Evaluation::within_10pct))},
      {"coverage90_mean", number(mean_of(row, &Evaluation::coverage90))},
      {"spearman_published", row.published ? Json(*row.published) : Json(nullptr)}};
}

Json predictions_json(const ResultRow& row) {
  const auto in_ms = [](std::vector<double> latencies) {
    for (double& latency : latencies) latency *= 1e3;
    return latencies;
  };
  return {{"predictor", row.predictor},
          {"protocol", row.protocol},
          {"space", row.space},
          {"set", row.set},
          {"device", row.device},
          {"samples", row.samples},
          {"origin", row.predictions.origin},
          {"architectures", row.predictions.architectures},
          {"measured_ms", in_ms(row.predictions.measured_s)},
          {"estimated_ms", in_ms(row.predictions.estimated_s)},
          {"plus_minus_ms", in_ms(row.predictions.half_width_s)}};
}

Cell number_cell(const Json& row, const char* field, double factor = 1) {
  const Json& value = row.at(field);
  return value.is_null() ? Cell() : Cell(value.get<double>() * factor);
}

/// How many source devices were drawn, if they were.
Cell pool_cell(const Json& row) {
  const auto found = row.find("train_devices");
  return found == row.end() || found->is_null() ? Cell() : Cell(found->get<std::int64_t>());
}

Table predictors_table(const Json& results) {
  constexpr std::ptrdiff_t kTrainDevices = 3;
  Table table{"",
              {{"set"},
               {"predictor"},
               {"samples"},
               {"train_devices"},
               {"chosen"},
               {"protocol"},
               {"device"},
               {"published"},
               {"spearman"},
               {"difference"},
               {"std"},
               {"worst"},
               {"best"},
               {"kendall"},
               {"median_error_pct", 1},
               {"within_5pct", 2},
               {"within_10pct", 2},
               {"coverage90", 2}},
              {}};
  for (const Json& row : results) {
    const Cell published = number_cell(row, "spearman_published"), ours = number_cell(row, "spearman_mean");
    const double *of_published = std::get_if<double>(&published), *of_ours = std::get_if<double>(&ours);
    const bool both = of_published && of_ours;
    table.rows.push_back({row.at("set").get<std::string>(), row.at("predictor").get<std::string>(),
                          of_ours ? Cell(row.at("samples").get<std::int64_t>()) : Cell(), pool_cell(row),
                          !of_ours                         ? ""
                          : row.at("designed").get<bool>() ? "designed"
                                                           : "random",
                          row.at("protocol").get<std::string>(), row.at("device").get<std::string>(), published, ours,
                          both ? Cell(*of_ours - *of_published) : Cell(), number_cell(row, "spearman_std"),
                          number_cell(row, "spearman_worst"), number_cell(row, "spearman_best"),
                          number_cell(row, "kendall_mean"), number_cell(row, "median_ape_mean", 100),
                          number_cell(row, "within_5pct_mean"), number_cell(row, "within_10pct_mean"),
                          number_cell(row, "coverage90_mean")});
  }
  const auto drawn = [](const auto& row) { return !std::holds_alternative<std::monostate>(row[kTrainDevices]); };
  if (std::none_of(table.rows.begin(), table.rows.end(), drawn)) {  // the rule: source devices are the set's
    table.columns.erase(table.columns.begin() + kTrainDevices);
    for (auto& row : table.rows) row.erase(row.begin() + kTrainDevices);
  }
  return table;
}

/// A row per device, a column per other one.
Table correlation_table(const Json& results) {
  Table table{"", {{"device"}}, {}};
  for (const Json& row : results) {
    const std::string device = row.at("device").get<std::string>();
    if (table.rows.empty() || std::get<std::string>(table.rows.back()[0]) != device) table.rows.push_back({device});
    if (table.rows.size() == 1) table.columns.push_back({row.at("other").get<std::string>(), 2});
    table.rows.back().push_back(number_cell(row, "spearman"));
  }
  for (const auto& row : table.rows) {
    if (row.size() != table.columns.size()) throw DataError("results: got a correlation matrix with holes");
  }
  return table;
}

}  // namespace

Table results_table(const std::string& document, const std::string& subject) try {
  const Json json = parse_json(document);
  const Json& results = json.at("results");
  if (!results.is_array()) throw DataError(fmt::format("{}: not what evaluate wrote: no list of results", subject));
  const bool correlation = !results.empty() && results.at(0).contains("other");
  Table table = correlation ? correlation_table(results) : predictors_table(results);
  table.title = json.at("experiment").get<std::string>();
  if (!results.empty() && results.at(0).contains("seeds")) {
    const auto origins = json.value("origins", std::vector<std::string>{"imported or measured"});
    const int draws = results[0].at("seeds").get<int>();
    table.title += fmt::format(": {} draw{}; {} latencies", draws, draws == 1 ? "" : "s", fmt::join(origins, " and "));
  }
  return table;
} catch (const nlohmann::json::exception& error) {
  throw DataError(fmt::format("{}: not what evaluate wrote: {}", subject, reason(error)));
}

std::string results_markdown(const std::string& document, const std::string& subject) try {
  std::string text = to_markdown(results_table(document, subject));
  const auto notes = parse_json(document).value("notes", std::vector<std::string>{});
  for (const std::string& note : notes) text += fmt::format("\n{}\n", note);
  return text;
} catch (const nlohmann::json::exception& error) {
  throw DataError(fmt::format("{}: not what evaluate wrote: {}", subject, reason(error)));
}

std::string results_json(const Experiment& experiment, const ExperimentResult& result) {
  Json results = Json::array(), predictions = Json::array();
  for (const ResultRow& row : result.rows) {
    results.push_back(row_json(experiment, row));
    if (!row.predictions.architectures.empty()) predictions.push_back(predictions_json(row));
  }
  Json document = {{"experiment", experiment.name},
                   {"results", std::move(results)},
                   {"notes", result.notes},
                   {"origins", result.origins}};
  if (!predictions.empty()) document["predictions"] = std::move(predictions);
  return json_text(document);
}

}  // namespace naslat
