#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "configs/table.hpp"
#include "predictor/experiment.hpp"
#include "predictor/metrics.hpp"

namespace naslat {

namespace {

using Json = nlohmann::ordered_json;

/// Figures that a predictor or a published row lacks stay empty.
Cell cell(double value) { return std::isfinite(value) ? Cell(value) : Cell(); }
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
    deviation = standard_deviation(rho);
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
      {"designed", row.designed},
      {"seeds", experiment.seeds},
      {"spearman_mean", number(spearman.mean)},
      {"spearman_std", number(spearman.deviation)},
      {"spearman_worst", number(spearman.worst)},
      {"spearman_best", number(spearman.best)},
      {"kendall_mean", number(mean_of(row, &Evaluation::kendall))},
      {"kendall_std", row.draws.empty() ? Json(nullptr) : number(standard_deviation(row.all(&Evaluation::kendall)))},
      {"median_ape_mean", number(mean_of(row, &Evaluation::median_ape))},
      {"within_5pct_mean", number(mean_of(row, &Evaluation::within_5pct))},
      {"within_10pct_mean", number(mean_of(row, &Evaluation::within_10pct))},
      {"coverage90_mean", number(mean_of(row, &Evaluation::coverage90))},
      {"spearman_published", row.published ? Json(*row.published) : Json(nullptr)}};
}

}  // namespace

Table results_table(const Experiment& experiment, const std::vector<ResultRow>& rows) {
  Table table{fmt::format("{}: {} draws; imported latencies unless measured here", experiment.name, experiment.seeds),
              {{"set"},
               {"predictor"},
               {"samples"},
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
               {"within_10pct", 2},
               {"coverage90", 2}},
              {}};
  for (const ResultRow& row : rows) {
    const Spearman spearman(row);
    table.rows.push_back({row.set, row.predictor,
                          row.draws.empty() ? Cell() : Cell(static_cast<std::int64_t>(row.samples)),
                          row.draws.empty() ? ""
                          : row.designed    ? "designed"
                                            : "random",
                          row.protocol, row.device, row.published ? Cell(*row.published) : Cell(), cell(spearman.mean),
                          row.published ? cell(spearman.mean - *row.published) : Cell(), cell(spearman.deviation),
                          cell(spearman.worst), cell(spearman.best), cell(mean_of(row, &Evaluation::kendall)),
                          cell(mean_of(row, &Evaluation::median_ape) * 100),
                          cell(mean_of(row, &Evaluation::within_10pct)), cell(mean_of(row, &Evaluation::coverage90))});
  }
  return table;
}

std::string results_json(const Experiment& experiment, const ExperimentResult& result) {
  Json results = Json::array();
  for (const ResultRow& row : result.rows) results.push_back(row_json(experiment, row));
  return Json{{"experiment", experiment.name}, {"results", std::move(results)}, {"notes", result.notes}}.dump(2);
}

}  // namespace naslat
