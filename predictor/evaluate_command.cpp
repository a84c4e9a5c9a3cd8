#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "configs/errors.hpp"
#include "configs/table.hpp"
#include "measure/progress.hpp"
#include "predictor/commands.hpp"
#include "predictor/evaluation.hpp"
#include "predictor/help.hpp"
#include "predictor/metrics.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/registry.hpp"

namespace naslat {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string experiment = "evaluate", space = "nasbench201", set, data = published_tables().string(), checkpoint;
  std::vector<std::string> predictors = {"help"}, devices, protocols = {"paper"}, published, train, validate;
  std::vector<int> samples = {10};
  int seeds = 10, threads = 0;
  std::uint64_t seed = 1;
  HelpTraining training{};
  bool correlation = false, json = false, quiet = false;
};

/// A predictor and how many samples it gets: "help" or "brp-nas:900".
struct Contestant {
  std::string label, name;
  int samples = 0;
};

std::vector<Contestant> contestants(const Options& o) {
  std::vector<Contestant> list;
  for (const std::string& text : o.predictors) {
    const auto colon = text.find(':');
    if (colon == std::string::npos) {
      for (const int samples : o.samples) {
        list.push_back({o.samples.size() == 1 ? text : fmt::format("{}:{}", text, samples), text, samples});
      }
      continue;
    }
    int samples = 0;
    const char* const end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data() + colon + 1, end, samples);
    if (error != std::errc{} || next != end || samples < 2) {
      throw ConfigError(fmt::format("predictors: got '{}', wanted NAME or NAME:SAMPLES", text));
    }
    list.push_back({text, text.substr(0, colon), samples});
  }
  return list;
}

/// All draws of one device under one protocol; the row "mean" holds, per seed, the mean over devices.
struct Row {
  std::string predictor;
  int samples = 0;
  std::string protocol, device;
  std::vector<Evaluation> draws;
  std::optional<double> published;

  [[nodiscard]] std::vector<double> all(double Evaluation::*field) const {
    std::vector<double> values;
    for (const Evaluation& draw : draws) values.push_back(draw.*field);
    return values;
  }
};

/// @param count how many of the last rows are meant
Row mean_row(const std::vector<Row>& rows, std::size_t count) {
  Row mean_of = rows.back();
  mean_of.device = "mean";
  mean_of.draws.clear();
  mean_of.published.reset();
  std::vector<const Row*> members;
  for (std::size_t i = rows.size() - count; i < rows.size(); ++i) members.push_back(&rows[i]);
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

Json row_json(const Options& o, const Row& row) {
  const std::vector<double> rho = row.all(&Evaluation::spearman), tau = row.all(&Evaluation::kendall);
  const auto [worst, best] = std::minmax_element(rho.begin(), rho.end());
  return {{"predictor", row.predictor},
          {"protocol", row.protocol},
          {"space", o.space},
          {"set", o.set},
          {"device", row.device},
          {"samples", row.samples},
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

Table results_table(const Options& o, const std::vector<Row>& rows) {
  Table table{fmt::format("{}: {}, {} seeds; imported latencies", o.experiment, o.space, o.seeds),
              {{"predictor"},
               {"samples"},
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
               {"within_10pct", 2}},
              {}};
  for (const Row& row : rows) {
    const std::vector<double> rho = row.all(&Evaluation::spearman);
    const auto [worst, best] = std::minmax_element(rho.begin(), rho.end());
    table.rows.push_back({row.predictor, static_cast<std::int64_t>(row.samples), row.protocol, row.device,
                          row.published ? Cell(*row.published) : Cell(), mean(rho),
                          row.published ? Cell(mean(rho) - *row.published) : Cell(), standard_deviation(rho), *worst,
                          *best, mean(row.all(&Evaluation::kendall)), mean(row.all(&Evaluation::median_ape)) * 100,
                          mean(row.all(&Evaluation::within_10pct))});
  }
  return table;
}

/// "NAME v1 v2 …": the paper's Spearman of that predictor, one per device.
std::vector<double> published_of(const Options& o, const std::string& label) {
  for (const std::string& text : o.published) {
    std::istringstream words(text);
    std::string name;
    words >> name;
    if (name != label) continue;
    std::vector<double> figures;
    for (double figure = 0; words >> figure;) figures.push_back(figure);
    if (!words.eof() || figures.size() != o.devices.size()) {
      throw ConfigError(
          fmt::format("published: got '{}', wanted a name and one figure per device ({})", text, o.devices.size()));
    }
    return figures;
  }
  return {};
}

void require(const Options& o) {
  if (o.devices.empty()) throw ConfigError("devices: got none, wanted at least 1");
  std::set<std::string> labels;
  for (const Contestant& contestant : contestants(o)) {
    labels.insert(contestant.label);
    static_cast<void>(published_of(o, contestant.label));
    const bool learns = needs_meta_training(contestant.name);
    if (learns && contestant.name != "help" && (o.train.empty() || o.validate.empty())) {
      throw ConfigError(
          fmt::format("predictors: {} learns from other devices: name them by train and validate", contestant.name));
    }
  }
  for (const std::string& text : o.published) {
    if (!labels.contains(text.substr(0, text.find(' ')))) {
      throw ConfigError(fmt::format("published: got '{}', wanted one of {}", text, fmt::join(labels, ", ")));
    }
  }
}

/// Ready to adapt: HELP from its checkpoint unless source devices are given, others meta-trained on these.
std::unique_ptr<LatencyPredictor> prepared(const Options& o, const std::string& name, const Encodings& encodings,
                                           const std::vector<LatencyTable>& tables) {
  if (name == "help" && (o.train.empty() || !o.checkpoint.empty())) {
    return load_predictor(o.space, o.checkpoint, o.threads);
  }
  auto predictor = make_predictor(name, o.training);
  if (!needs_meta_training(name)) return predictor;
  const SearchSpace& space = search_space(o.space);
  const std::vector<DeviceTask> train = device_tasks(space, tables, o.train),
                                validate = device_tasks(space, tables, o.validate);
  Progress progress("meta-training " + name, o.quiet);
  predictor->meta_train({encodings, train, validate}, [&](int episode, double loss, double) {
    progress.update(static_cast<double>(episode) / o.training.episodes, fmt::format("query loss {:.4f}", loss));
  });
  return predictor;
}

/// One contestant under every protocol on every device.
void compete(const Options& o, const Contestant& contestant, const LatencyPredictor& predictor,
             const Encodings& encodings, const std::vector<DeviceTask>& tasks, std::vector<Row>& rows) {
  const std::vector<double> published = published_of(o, contestant.label);
  Progress progress(contestant.label, o.quiet);
  std::size_t done = 0;
  const std::size_t total = o.protocols.size() * tasks.size() * static_cast<std::size_t>(o.seeds);
  for (const std::string& protocol : o.protocols) {
    for (std::size_t d = 0; d < tasks.size(); ++d) {
      Row row{contestant.name, contestant.samples, protocol, tasks[d].device, {}, std::nullopt};
      if (!published.empty() && protocol == "paper") row.published = published[d];
      for (int s = 0; s < o.seeds; ++s) {
        row.draws.push_back(evaluate(predictor, encodings, tasks[d], parse_evaluation_protocol(protocol),
                                     contestant.samples, o.seed + static_cast<std::uint64_t>(s)));
        progress.update(static_cast<double>(++done) / static_cast<double>(total),
                        fmt::format("{} {}", protocol, row.device));
      }
      rows.push_back(std::move(row));
    }
    rows.push_back(mean_row(rows, tasks.size()));
  }
}

/// Spearman between two devices over the networks that both have timed.
double correlation(const LatencyTable& a, const LatencyTable& b) {
  std::vector<double> of_a, of_b;
  for (std::size_t i = 0; i < a.latency_s.size(); ++i) {
    if (!std::isfinite(a.latency_s[i]) || !std::isfinite(b.latency_s[i])) continue;
    of_a.push_back(a.latency_s[i]);
    of_b.push_back(b.latency_s[i]);
  }
  return of_a.size() < 2 ? std::nan("") : spearman(of_a, of_b);
}

/// How alike devices are, without any predictor (the paper's Table A.3).
void correlate(const Options& o) {
  const std::vector<LatencyTable> tables = read_latency_tables(o.data, o.space);
  std::vector<const LatencyTable*> chosen;
  for (const LatencyTable& table : tables) {
    const bool wanted = std::find(o.devices.begin(), o.devices.end(), table.device) != o.devices.end();
    if (o.devices.empty() || wanted) chosen.push_back(&table);
  }
  if (chosen.size() < 2) throw DataError(fmt::format("devices: got {} with a table, wanted at least 2", chosen.size()));
  Table matrix{fmt::format("{}: Spearman between devices, {}; {} latencies", o.experiment, o.space,
                           to_string(chosen[0]->origin)),
               {{"device"}},
               {}};
  Json results = Json::array();
  for (const LatencyTable* row : chosen) {
    matrix.columns.push_back({row->device, 2});
    std::vector<Cell> cells{row->device};
    for (const LatencyTable* column : chosen) {
      const double rho = correlation(*row, *column);
      cells.push_back(std::isfinite(rho) ? Cell(rho) : Cell());
      results.push_back({{"device", row->device}, {"other", column->device}, {"spearman", rho}});
    }
    matrix.rows.push_back(std::move(cells));
  }
  if (!o.json) return fmt::print("{}", to_markdown(matrix));
  fmt::print("{}\n", Json{{"experiment", o.experiment}, {"results", std::move(results)}}.dump(2));
}

void run(Options o) {
  if (o.correlation) return correlate(o);
  require(o);
  if (o.threads == 0) o.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  o.training.threads = o.threads;
  const SearchSpace& space = search_space(o.space);
  const std::vector<LatencyTable> tables = read_latency_tables(o.data, o.space);
  const std::vector<Contestant> list = contestants(o);
  const bool with_macs = std::any_of(list.begin(), list.end(), [](const auto& c) { return c.name == "flops"; });
  const Encodings encodings = encode_all(space, *tables.at(0).architectures, with_macs);
  const std::vector<DeviceTask> tasks = device_tasks(space, tables, o.devices);

  std::vector<Row> rows;
  std::map<std::string, std::unique_ptr<LatencyPredictor>> predictors;
  for (const Contestant& contestant : list) {
    auto& predictor = predictors[contestant.name];
    if (!predictor) predictor = prepared(o, contestant.name, encodings, tables);
    compete(o, contestant, *predictor, encodings, tasks, rows);
  }
  if (!o.json) return fmt::print("{}", to_markdown(results_table(o, rows)));
  Json results = Json::array();
  for (const Row& row : rows) results.push_back(row_json(o, row));
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
  app.add_option("--predictors", o->predictors,
                 fmt::format("NAME or NAME:SAMPLES, of {} (default help)", fmt::join(predictor_names(), ", ")));
  app.add_option("--published", o->published,
                 "published Spearman: a predictor as under --predictors and one figure per device");
  app.add_option("--train", o->train, "source devices of predictors that are meta-trained here");
  app.add_option("--validate", o->validate, "devices that choose their best episode");
  app.add_option("--episodes", o->training.episodes, "of meta-training")->check(CLI::Range(1, 1000000));
  app.add_option("--rate", o->training.rate, "of meta-training")->check(CLI::Range(1e-12, 1.0));
  app.add_option("--train-seed", o->training.seed, "of meta-training");
  app.add_option("--protocols", o->protocols,
                 "paper: as published; strict: only the samples are known, all others asked")
      ->check(CLI::IsMember({"paper", "strict"}))
      ->capture_default_str();
  app.add_option("--samples", o->samples, "measured samples of a device, beside its ten references; several: each")
      ->check(CLI::Range(2, 14000))
      ->capture_default_str();
  app.add_option("--seeds", o->seeds, "draws of the samples")->check(CLI::Range(1, 10000))->capture_default_str();
  app.add_option("--seed", o->seed, "first seed")->capture_default_str();
  app.add_option("--threads", o->threads, "0: all; does not change the result")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--correlation", o->correlation, "correlation between devices instead of predictors (default: all)");
  app.add_flag("--json", o->json, "one JSON document");
  app.add_flag("--quiet", o->quiet, "no progress");
  app.footer("example: naslat evaluate --config configs/table3_help.toml --json");
  return [o] { run(*o); };
}

}  // namespace naslat
