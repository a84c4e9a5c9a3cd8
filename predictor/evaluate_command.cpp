#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "configs/errors.hpp"
#include "configs/table.hpp"
#include "measure/progress.hpp"
#include "predictor/commands.hpp"
#include "predictor/evaluation.hpp"
#include "predictor/metrics.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/registry.hpp"

namespace naslat {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string experiment = "evaluate", space = "nasbench201", set, data = published_tables().string(), checkpoint;
  std::vector<std::string> devices, protocols = {"paper"};
  std::vector<double> published;  // Spearman of the paper, one per device
  int samples = 10, seeds = 10, threads = 0;
  std::uint64_t seed = 1;
  bool json = false, quiet = false;
};

/// All draws of one device under one protocol; the row "mean" holds, per seed, the mean over devices.
struct Row {
  std::string protocol, device;
  std::vector<Evaluation> draws;
  std::optional<double> published;

  [[nodiscard]] std::vector<double> all(double Evaluation::*field) const {
    std::vector<double> values;
    for (const Evaluation& draw : draws) values.push_back(draw.*field);
    return values;
  }
};

Row mean_row(const std::vector<Row>& rows, const std::string& protocol) {
  Row mean_of{protocol, "mean", {}, std::nullopt};
  std::vector<const Row*> members;
  for (const Row& row : rows) {
    if (row.protocol == protocol) members.push_back(&row);
  }
  double published = 0;
  bool all_published = true;
  for (const Row* row : members) {
    all_published = all_published && row->published;
    published += row->published.value_or(0) / static_cast<double>(members.size());
  }
  if (all_published) mean_of.published = published;
  for (std::size_t seed = 0; seed < members.at(0)->draws.size(); ++seed) {
    Evaluation sum;
    for (const Row* row : members) {
      for (const auto field : {&Evaluation::spearman, &Evaluation::kendall, &Evaluation::median_ape,
                               &Evaluation::within_5pct, &Evaluation::within_10pct}) {
        sum.*field += row->draws[seed].*field / static_cast<double>(members.size());
      }
    }
    mean_of.draws.push_back(sum);
  }
  return mean_of;
}

Json row_json(const Options& o, const std::string& predictor, const Row& row) {
  const std::vector<double> rho = row.all(&Evaluation::spearman), tau = row.all(&Evaluation::kendall);
  const auto [worst, best] = std::minmax_element(rho.begin(), rho.end());
  return {{"predictor", predictor},
          {"protocol", row.protocol},
          {"space", o.space},
          {"set", o.set},
          {"device", row.device},
          {"samples", o.samples},
          {"seeds", o.seeds},
          {"spearman_mean", mean(rho)},
          {"spearman_std", standard_deviation(rho)},
          {"spearman_worst", *worst},
          {"spearman_best", *best},
          {"kendall_mean", mean(tau)},
          {"kendall_std", standard_deviation(tau)},
          {"median_ape_mean", mean(row.all(&Evaluation::median_ape))},
          {"within_5pct_mean", mean(row.all(&Evaluation::within_5pct))},
          {"within_10pct_mean", mean(row.all(&Evaluation::within_10pct))},
          {"spearman_published", row.published ? Json(*row.published) : Json(nullptr)}};
}

Table results_table(const Options& o, const std::string& predictor, const std::vector<Row>& rows) {
  Table table{fmt::format("{}: {} on {}, {} samples, {} seeds; imported latencies", o.experiment, predictor, o.space,
                          o.samples, o.seeds),
              {{"protocol"},
               {"device"},
               {"published"},
               {"spearman"},
               {"std"},
               {"worst"},
               {"best"},
               {"kendall"},
               {"median_error_pct", 1},
               {"within_10pct", 2}},
              {}};
  for (const Row& row : rows) {
    const std::vector<double> rho = row.all(&Evaluation::spearman);
    const auto [worst, best] = std::minmax_element(rho.begin(), rho.end());
    table.rows.push_back({row.protocol, row.device, row.published ? Cell(*row.published) : Cell(), mean(rho),
                          standard_deviation(rho), *worst, *best, mean(row.all(&Evaluation::kendall)),
                          mean(row.all(&Evaluation::median_ape)) * 100, mean(row.all(&Evaluation::within_10pct))});
  }
  return table;
}

void require(const Options& o) {
  if (o.devices.empty()) throw ConfigError("devices: got none, wanted at least 1");
  if (!o.published.empty() && o.published.size() != o.devices.size()) {
    throw ConfigError(
        fmt::format("published: got {} figures, wanted one per device ({})", o.published.size(), o.devices.size()));
  }
}

void run(Options o) {
  require(o);
  if (o.threads == 0) o.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const SearchSpace& space = search_space(o.space);
  const std::vector<LatencyTable> tables = read_latency_tables(o.data, o.space);
  const Encodings encodings = encode_all(space, *tables.at(0).architectures);
  const std::vector<DeviceTask> tasks = device_tasks(space, tables, o.devices);
  const std::unique_ptr<LatencyPredictor> predictor = make_predictor(o.space, o.checkpoint, o.threads);

  Progress progress(o.experiment, o.quiet);
  std::vector<Row> rows;
  std::size_t done = 0;
  const std::size_t total = o.protocols.size() * tasks.size() * static_cast<std::size_t>(o.seeds);
  for (const std::string& protocol : o.protocols) {
    for (std::size_t d = 0; d < tasks.size(); ++d) {
      Row row{protocol, tasks[d].device, {}, std::nullopt};
      if (!o.published.empty() && protocol == "paper") row.published = o.published[d];
      for (int s = 0; s < o.seeds; ++s) {
        row.draws.push_back(evaluate(*predictor, encodings, tasks[d], parse_evaluation_protocol(protocol), o.samples,
                                     o.seed + static_cast<std::uint64_t>(s)));
        progress.update(static_cast<double>(++done) / static_cast<double>(total),
                        fmt::format("{} {}", protocol, row.device));
      }
      rows.push_back(std::move(row));
    }
    rows.push_back(mean_row(rows, protocol));
  }
  if (!o.json) return fmt::print("{}", to_markdown(results_table(o, predictor->name(), rows)));
  Json results = Json::array();
  for (const Row& row : rows) results.push_back(row_json(o, predictor->name(), row));
  fmt::print("{}\n", Json{{"experiment", o.experiment}, {"results", std::move(results)}}.dump(2));
}

}  // namespace

Action evaluate_command(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  app.add_option("--experiment", o->experiment, "name of the experiment, for its output")->capture_default_str();
  app.add_option("--space", o->space, "search space")->capture_default_str();
  app.add_option("--set", o->set, "name of the set of devices, for the output");
  app.add_option("--data", o->data, "latency dataset, or a clone of the HELP repository")->capture_default_str();
  app.add_option("--checkpoint", o->checkpoint,
                 "predictor: our checkpoint or HELP's .pt; default: the one in this binary");
  app.add_option("--devices", o->devices, "devices to judge the predictor on");
  app.add_option("--published", o->published, "published Spearman, one per device, printed beside ours");
  app.add_option("--protocols", o->protocols,
                 "paper: as published; strict: only the samples are known, all others asked")
      ->check(CLI::IsMember({"paper", "strict"}))
      ->capture_default_str();
  app.add_option("--samples", o->samples, "measured samples of a device, beside its ten references")
      ->check(CLI::Range(2, 700))
      ->capture_default_str();
  app.add_option("--seeds", o->seeds, "draws of the samples")->check(CLI::Range(1, 10000))->capture_default_str();
  app.add_option("--seed", o->seed, "first seed")->capture_default_str();
  app.add_option("--threads", o->threads, "0: all; does not change the result")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--json", o->json, "one JSON document");
  app.add_flag("--quiet", o->quiet, "no progress");
  app.footer("example: naslat evaluate --config configs/table3_help.toml --json");
  return [o] { run(*o); };
}

}  // namespace naslat
