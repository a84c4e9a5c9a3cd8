#include "reports/characterize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "measure/dataset.hpp"
#include "measure/statistics.hpp"
#include "measure/sweep.hpp"
#include "predictor/calibration.hpp"
#include "predictor/candidates.hpp"
#include "predictor/fitted_device.hpp"
#include "predictor/metrics.hpp"
#include "predictor/parallel.hpp"
#include "predictor/predictor.hpp"
#include "predictor/registry.hpp"
#include "predictor/search/problem.hpp"

namespace naslat {

namespace {

constexpr std::size_t kExtremes = 10;  // fastest, slowest and searched networks listed

/// The first `count` architectures that are not taken yet, which they then are.
std::vector<Architecture> take(std::span<const Architecture> from, std::size_t count, std::set<Architecture>& taken) {
  std::vector<Architecture> chosen;
  for (const Architecture& architecture : from) {
    if (chosen.size() < count && taken.insert(architecture).second) chosen.push_back(architecture);
  }
  return chosen;
}

/// Different networks of the space in drawn order.
std::vector<Architecture> shuffled(const std::vector<Architecture>& architectures, Rng& rng) {
  std::vector<Architecture> drawn;
  for (const std::uint64_t i : rng.distinct(architectures.size(), architectures.size())) {
    drawn.push_back(architectures[i]);
  }
  return drawn;
}

/// What the dataset holds of one device: anchor-corrected latencies and block times by architecture text.
class Latencies {
 public:
  Latencies(const Dataset& dataset, const std::string& space, const std::string& device) {
    const double anchor_s = dataset.reference_anchor_s(space, device);
    for (const Measurement& measurement : dataset.measurements) {
      if (measurement.space != space || measurement.device != device) continue;
      const auto latency_s = corrected_latency_s(measurement, anchor_s);
      by_text_[measurement.architecture] = {latency_s, latency_s ? block_times(measurement, *latency_s) : BlockTimes{}};
    }
  }

  [[nodiscard]] std::vector<NetworkRow> rows(const SearchSpace& space, const std::vector<Architecture>& wanted) const {
    std::vector<NetworkRow> rows;
    for (const Architecture& architecture : wanted) {
      const std::string text = space.format(architecture);
      const auto found = by_text_.find(text);
      rows.push_back(
          {text, space.index_of(architecture), found == by_text_.end() ? std::nullopt : found->second.first});
    }
    return rows;
  }

  [[nodiscard]] std::vector<BlockTimes> block_s(const std::vector<NetworkRow>& rows) const {
    std::vector<BlockTimes> times;
    for (const NetworkRow& row : rows) times.push_back(by_text_.at(row.architecture).second);
    return times;
  }

 private:
  std::map<std::string, std::pair<std::optional<double>, BlockTimes>> by_text_;
};

Noise noise_of(const Dataset& dataset, const std::string& device) {
  Noise noise;
  std::vector<double> anchors, relative_mads;
  for (const Measurement& measurement : dataset.measurements) {
    if (measurement.device != device || measurement.samples_s.empty()) continue;
    anchors.insert(anchors.end(), measurement.anchor_s.begin(), measurement.anchor_s.end());
    relative_mads.push_back(median_absolute_deviation(measurement.samples_s) / median(measurement.samples_s));
    noise.flagged_networks += measurement.flags.empty() ? 0 : 1;
    ++noise.networks;
  }
  if (anchors.size() > 1) noise.anchor_spread = relative_spread(anchors);
  if (!relative_mads.empty()) noise.median_relative_mad = median(relative_mads);
  return noise;
}

std::vector<Fact> settings_of(const Device& device, const Protocol& protocol) {
  return {{"backend", device.backend, ""},
          {"hardware", device.hardware, ""},
          {"isa", device.isa.empty() ? "no limit" : device.isa, ""},
          {"threads", fmt::format("{}{}", device.threads, device.pinned ? ", bound to cores" : ""), ""},
          {"batch", fmt::format("{}", device.batch), ""},
          {"dtype", std::string(to_string(device.dtype)), ""},
          {"mode", std::string(to_string(device.mode)), ""},
          {"protocol", describe(protocol), ""}};
}

std::vector<double> measured_s(const std::vector<NetworkRow>& rows) {
  std::vector<double> latencies;
  for (const NetworkRow& row : rows) latencies.push_back(row.measured_s.value());
  return latencies;
}

/// Networks that could not be measured cannot be fitted to or compared with.
void drop_unmeasured(std::vector<NetworkRow>& rows, const char* what) {
  const std::size_t wanted = rows.size();
  std::erase_if(rows, [](const NetworkRow& row) { return !row.measured_s; });
  if (rows.size() < 2)
    throw DataError(fmt::format("{}: {} of {} networks measured, wanted at least 2", what, rows.size(), wanted));
}

void require_all(const std::vector<NetworkRow>& references) {
  for (const NetworkRow& row : references) {
    if (row.measured_s) continue;
    throw DataError(fmt::format("reference {}: not measured, wanted all {}", row.architecture, references.size()));
  }
}

Encodings encode(const SearchSpace& space, const std::vector<NetworkRow>& rows, GraphMode mode) {
  std::vector<Architecture> architectures;
  for (const NetworkRow& row : rows) architectures.push_back(space.parse(row.architecture));
  return encode_all(space, architectures, true, {&mode, 1});
}

std::vector<NetworkRow> rows_of(const SearchSpace& space, const std::vector<Architecture>& architectures) {
  std::vector<NetworkRow> rows;
  for (const Architecture& a : architectures) rows.push_back({space.format(a), space.index_of(a)});
  return rows;
}

/// Every network of a space that lists them, else the candidates.
std::vector<Architecture> all_networks(const SearchSpace& space, const Candidates& candidates) {
  if (!space.size()) return candidates.architectures;
  std::vector<Architecture> all;
  for (std::uint64_t index = 0; index < *space.size(); ++index) all.push_back(space.at(index));
  return all;
}

void predict(const Estimator& estimator, std::span<const Encoding> encodings, std::vector<NetworkRow>& rows) {
  const std::vector<double> predictions_s = estimator.predict_s(encodings), spreads_s = estimator.spread_s(encodings);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].predicted_s = predictions_s[i];
    if (!spreads_s.empty()) rows[i].half_width_s = kNinetyPercent * spreads_s[i];
  }
}

/// Networks that no other beats in both multiply-accumulates and predicted latency, at most ten, fastest first.
std::vector<Candidate> search(const Estimator& estimator, const std::vector<Architecture>& architectures,
                              std::span<const Encoding> encodings) {
  const std::vector<double> predictions_s = estimator.predict_s(encodings);
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < architectures.size(); ++i) {
    candidates.push_back({architectures[i], predictions_s[i], encodings[i].macs});
  }
  const std::vector<Candidate> front = pareto_front(std::move(candidates));
  const std::size_t count = std::min(kExtremes, front.size());
  std::vector<Candidate> spread;
  for (std::size_t i = 0; i < count; ++i) spread.push_back(front[(i + 1) * front.size() / count - 1]);
  return spread;
}

/// Median half-width of the 90% intervals, relative; nothing from predictors that give none.
std::optional<double> error_bar(const Estimator& estimator, std::span<const Encoding> encodings) {
  const std::vector<double> predictions_s = estimator.predict_s(encodings);
  std::vector<double> spreads = estimator.spread_s(encodings);
  if (spreads.empty()) return std::nullopt;
  for (std::size_t i = 0; i < spreads.size(); ++i) spreads[i] *= kNinetyPercent / predictions_s[i];
  return median(std::move(spreads));
}

Table predictions_table(const std::vector<NetworkRow>& rows) {
  Table table{"", {{"index"}, {"architecture"}, {"predicted_ms"}, {"plus_minus_ms"}}, {}};
  for (const NetworkRow& row : rows) {
    table.rows.push_back({row.index ? Cell(static_cast<std::int64_t>(*row.index)) : Cell(), row.architecture,
                          *row.predicted_s * 1e3, row.half_width_s ? Cell(*row.half_width_s * 1e3) : Cell()});
  }
  return table;
}

/// A device while it is being learned: what was measured, who predicts, what would help.
class Study {
 public:
  Study(const SearchSpace& space, GraphMode mode, const CharacterizeOptions& options)
      : candidates_(candidates(space, {&mode, 1})), rng_(options.seed) {
    if (options.predictor == "additive") {
      predictor_ = make_predictor("additive");
      predictor_->meta_train({candidates_.encodings, {}, {}}, [](int, double, double) {});
    } else {  // one thread: bound OpenMP workers keep their cores, and threads started from here would share one
      predictor_ = load_predictor(space.name(), {}, 1);
    }
    for (Architecture& reference : space.references()) taken_.insert(std::move(reference));
    drawn_ = shuffled(candidates_.architectures, rng_);
  }

  [[nodiscard]] const LatencyPredictor& predictor() const { return *predictor_; }
  [[nodiscard]] const Candidates& all() const { return candidates_; }

  /// Networks that are not taken yet.
  [[nodiscard]] std::size_t open() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        candidates_.architectures, [this](const Architecture& a) { return !taken_.contains(a); }));
  }

  /// The networks to measure next: half are those the predictor asks for, if it does, the others drawn. What it asks
  /// for are extremes, and blocks cost less in these than in ordinary networks: by 2% on a processor whose cache the
  /// weights of large ones exceed.
  std::vector<Architecture> next(const Samples& known, std::size_t count) {
    std::vector<Encoding> open;
    std::vector<Architecture> architectures;
    for (std::size_t i = 0; i < candidates_.architectures.size(); ++i) {
      if (taken_.contains(candidates_.architectures[i])) continue;
      open.push_back(candidates_.encodings[i]);
      architectures.push_back(candidates_.architectures[i]);
    }
    std::vector<Architecture> asked;
    for (const std::size_t i : predictor_->next(open, known, count)) asked.push_back(architectures[i]);
    std::vector<Architecture> chosen = take(asked, count - count / 2, taken_);
    const std::vector<Architecture> drawn = take(drawn_, count - chosen.size(), taken_);
    chosen.insert(chosen.end(), drawn.begin(), drawn.end());
    return chosen;
  }

  std::vector<Architecture> held_out(std::size_t count) { return take(drawn_, count, taken_); }

  /// @param samples drawn or asked for; their range is the predictor's scale, about that of HELP's trimmed pools
  [[nodiscard]] std::unique_ptr<Estimator> adapt(const HardwareEmbedding& embedding, const Samples& known,
                                                 const std::vector<NetworkRow>& samples) {
    auto estimator = predictor_->adapt(embedding, known, target_scale(measured_s(samples)), rng_);
    return predictor_->name() == "help" ? calibrate(std::move(estimator), known) : std::move(estimator);
  }

 private:
  Candidates candidates_;
  Rng rng_;
  std::unique_ptr<LatencyPredictor> predictor_;
  std::set<Architecture> taken_;
  std::vector<Architecture> drawn_;
};

}  // namespace

DeviceReport characterize(const SearchSpace& space, Backend& backend, const Device& device,
                          const CharacterizeOptions& options) {
  const Clock now = steady_clock();
  const double started_s = now();
  DeviceReport report;
  report.space = space.name();
  report.device = options.device_name;
  report.environment = inspect_environment(backend);
  report.warnings = noise_warnings(report.environment, device);
  report.target_error = options.target_error;
  report.settings = settings_of(device, options.sweep.protocol);
  Study study(space, device.mode, options);
  report.predictor = study.predictor().name();

  // On all cores, and so before threads are bound: those started later would share one.
  const std::vector<Architecture> everything = all_networks(space, study.all());
  const Encodings encodings =
      space.size() ? encode_all(space, everything, true, {&device.mode, 1}, all_cores()) : study.all().encodings;

  DatasetWriter dataset(options.folder / "dataset.jsonl");
  const auto time = [&](const char* what, const std::vector<Architecture>& architectures, bool blocks) {
    Progress progress(what, options.quiet);
    SweepOptions sweep_options = options.sweep;
    sweep_options.blocks = blocks;
    sweep(space, architectures, backend, device, sweep_options, dataset, progress);
  };
  const std::vector<Architecture> references = space.references();
  HardwareEmbedding embedding;
  Samples support;
  support.facts.mode = device.mode;
  // Latencies are in units of the whole dataset's anchors, which every sweep moves: all are looked up anew after each.
  const auto look_up = [&](const std::vector<Architecture>& sampled) {
    const Latencies latencies(dataset.dataset(), space.name(), options.device_name);
    report.references = latencies.rows(space, references);
    require_all(report.references);
    report.samples = latencies.rows(space, sampled);
    drop_unmeasured(report.samples, "samples");
    embedding = embed(measured_s(report.references));
    std::vector<NetworkRow> fitted = report.samples;
    fitted.insert(fitted.end(), report.references.begin(), report.references.end());
    support = {encode(space, fitted, device.mode), measured_s(fitted), support.facts, latencies.block_s(fitted)};
    return latencies;
  };
  const auto adapt = [&] {
    Progress progress("fitting", options.quiet);
    progress.update(0, fmt::format("to {} networks", support.x.size()));
    return study.adapt(embedding, support, report.samples);
  };

  // Of a small space half of what is beside the references is held out.
  const std::size_t beside = study.open(), most = beside - std::min(options.held_out, beside / 2);
  std::vector<Architecture> sampled = study.next(support, std::min(options.samples, most)), first = references;
  first.insert(first.end(), sampled.begin(), sampled.end());
  time("timing references and samples", first, true);
  look_up(sampled);
  std::unique_ptr<Estimator> estimator = adapt();
  while (true) {
    constexpr std::size_t kMore = 10;
    const auto width = error_bar(*estimator, study.all().encodings);
    if (!width || *width <= options.target_error || sampled.size() + kMore > std::min(most, options.most_samples)) {
      break;
    }
    const std::vector<Architecture> more = study.next(support, kMore);
    time("timing more samples", more, true);
    sampled.insert(sampled.end(), more.begin(), more.end());
    look_up(sampled);
    estimator = adapt();
  }
  const std::vector<Candidate> found = search(*estimator, everything, encodings);
  const std::vector<Architecture> held_out = study.held_out(options.held_out);
  std::vector<Architecture> last = held_out;
  for (const Candidate& candidate : found) last.push_back(candidate.architecture);
  time("timing held-out networks and those found", last, false);

  const Latencies latencies = look_up(sampled);
  report.held_out = latencies.rows(space, held_out);
  drop_unmeasured(report.held_out, "held-out networks");
  report.embedding = embedding.v;
  std::vector<NetworkRow> all = rows_of(space, everything);
  const double adapt_started_s = now();
  estimator = adapt();
  predict(*estimator, encodings, all);
  report.adapt_s = now() - adapt_started_s;
  report.predicted_networks = all.size();
  report.error_bar = error_bar(*estimator, study.all().encodings);
  write_file(options.folder / "predictions.csv",
             to_csv(labelled(predictions_table(all), options.device_name,
                             backend.simulated() ? Origin::simulated : Origin::measured)));
  for (const Candidate& candidate : found) {
    report.found.push_back(latencies.rows(space, {candidate.architecture}).front());
    report.found.back().macs = candidate.score;
  }
  for (auto* const rows : {&report.held_out, &report.samples, &report.found}) {
    predict(*estimator, encode(space, *rows, device.mode), *rows);
  }
  report.accuracy = judge(report.held_out);
  report.noise = noise_of(dataset.dataset(), options.device_name);
  report.origin = backend.simulated() ? "simulated" : "measured";

  std::sort(all.begin(), all.end(),
            [](const NetworkRow& a, const NetworkRow& b) { return *a.predicted_s < *b.predicted_s; });
  const auto listed = static_cast<std::ptrdiff_t>(std::min(kExtremes, all.size()));
  report.fastest.assign(all.begin(), all.begin() + listed);
  report.slowest.assign(all.rbegin(), all.rbegin() + listed);
  report.wall_s = now() - started_s;
  return report;
}

void write_report(const DeviceReport& report, const std::filesystem::path& folder) {
  write_file(folder / kHeldOutPicture, held_out_svg(report));
  write_file(folder / "networks.csv", to_csv(measured_networks(report)));
  write_file(folder / "report.md", to_markdown(report));
  write_file(folder / "report.html", to_html(report));
  write_file(folder / "report.json", to_json(report));  // last: its presence says that the report is complete
}

}  // namespace naslat
