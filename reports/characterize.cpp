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
#include "predictor/metrics.hpp"
#include "predictor/predictor.hpp"
#include "predictor/registry.hpp"

namespace naslat {

namespace {

constexpr std::size_t kExtremes = 10;  // fastest and slowest networks listed

/// `count` different networks that are not references, in drawn order.
std::vector<Architecture> draw_others(const SearchSpace& space, std::size_t count, Rng& rng) {
  const std::vector<Architecture> references = space.references();
  std::set<Architecture> taken(references.begin(), references.end());
  std::vector<Architecture> drawn;
  while (drawn.size() < count) {
    Architecture architecture = sample(space, rng);
    if (taken.insert(architecture).second) drawn.push_back(std::move(architecture));
  }
  return drawn;
}

/// What the dataset holds of one device: anchor-corrected latencies by architecture text.
class Latencies {
 public:
  Latencies(const Dataset& dataset, const std::string& space, const std::string& device) {
    const double anchor_s = dataset.reference_anchor_s(space, device);
    for (const Measurement& measurement : dataset.measurements) {
      if (measurement.space != space || measurement.device != device) continue;
      by_text_[measurement.architecture] = corrected_latency_s(measurement, anchor_s);
    }
  }

  [[nodiscard]] std::vector<NetworkRow> rows(const SearchSpace& space, const std::vector<Architecture>& wanted) const {
    std::vector<NetworkRow> rows;
    for (const Architecture& architecture : wanted) {
      const std::string text = space.format(architecture);
      const auto found = by_text_.find(text);
      rows.push_back({text, space.index_of(architecture), found == by_text_.end() ? std::nullopt : found->second});
    }
    return rows;
  }

 private:
  std::map<std::string, std::optional<double>> by_text_;
};

Noise noise_of(const Dataset& dataset, const std::string& device) {
  Noise noise;
  std::vector<double> anchors, relative_mads;
  for (const Measurement& measurement : dataset.measurements) {
    if (measurement.device != device || measurement.samples_s.empty()) continue;
    anchors.insert(anchors.end(), measurement.anchor_s.begin(), measurement.anchor_s.end());
    relative_mads.push_back(median_absolute_deviation(measurement.samples_s) / median(measurement.samples_s));
    noise.flagged_networks += measurement.flags.empty() ? 0 : 1;
  }
  noise.anchor_spread = relative_spread(anchors);
  if (!relative_mads.empty()) noise.median_relative_mad = median(relative_mads);
  return noise;
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

std::vector<Encoding> encode(const SearchSpace& space, const std::vector<NetworkRow>& rows) {
  std::vector<Encoding> encodings;
  for (const NetworkRow& row : rows) encodings.push_back(space.encode(space.parse(row.architecture)));
  return encodings;
}

std::vector<NetworkRow> every_network(const SearchSpace& space) {
  std::vector<NetworkRow> rows;
  for (std::uint64_t index = 0; index < space.size().value(); ++index)
    rows.push_back({space.format(space.at(index)), index});
  return rows;
}

void predict(const SearchSpace& space, const Estimator& estimator, std::vector<NetworkRow>& rows) {
  const std::vector<double> predictions_s = estimator.predict_s(encode(space, rows));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].predicted_s = predictions_s[i];
}

Table predictions_table(const std::vector<NetworkRow>& rows) {
  Table table{"", {{"index"}, {"architecture"}, {"predicted_ms"}}, {}};
  for (const NetworkRow& row : rows) {
    table.rows.push_back({static_cast<std::int64_t>(row.index.value()), row.architecture, *row.predicted_s * 1e3});
  }
  return table;
}

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
  // One thread: bound OpenMP workers keep their cores, and threads started from here would share one.
  const std::unique_ptr<LatencyPredictor> predictor = load_predictor(space.name(), {}, 1);
  report.predictor = predictor->name();

  Rng rng(options.seed);
  std::vector<Architecture> drawn = draw_others(space, options.samples + options.held_out, rng);
  const std::vector<Architecture> held_out(drawn.begin() + static_cast<std::ptrdiff_t>(options.samples), drawn.end());
  drawn.resize(options.samples);

  DatasetWriter dataset(options.folder / "dataset.jsonl");
  const auto time = [&](const char* what, const std::vector<Architecture>& architectures) {
    Progress progress(what, options.quiet);
    sweep(space, architectures, backend, device, options.sweep, dataset, progress);
  };

  std::vector<Architecture> fitted = space.references();
  fitted.insert(fitted.end(), drawn.begin(), drawn.end());
  time("timing references and samples", fitted);
  const Latencies fitted_latencies(dataset.dataset(), space.name(), options.device_name);
  report.references = fitted_latencies.rows(space, space.references());
  report.samples = fitted_latencies.rows(space, drawn);
  for (const NetworkRow& row : report.references) {
    if (!row.measured_s)
      throw DataError(
          fmt::format("reference {}: not measured, wanted all {}", row.architecture, report.references.size()));
  }
  drop_unmeasured(report.samples, "samples");

  const double adapt_started_s = now();
  const HardwareEmbedding embedding = embed(measured_s(report.references));
  report.embedding = embedding.v;
  // The scale comes from the random samples, whose range is about that of the trimmed pools HELP was meta-trained on;
  // the references help to adapt and to calibrate.
  const TargetScale scale = target_scale(measured_s(report.samples));
  std::vector<NetworkRow> known = report.samples;
  known.insert(known.end(), report.references.begin(), report.references.end());
  const Samples support{encode(space, known), measured_s(known)};
  const std::unique_ptr<Estimator> estimator = calibrate(predictor->adapt(embedding, support, scale, rng), support);
  std::vector<NetworkRow> all = every_network(space);
  predict(space, *estimator, all);
  report.adapt_s = now() - adapt_started_s;
  report.predicted_networks = all.size();
  write_file(options.folder / "predictions.csv", to_csv(predictions_table(all)));

  time("timing held-out networks", held_out);
  report.held_out = Latencies(dataset.dataset(), space.name(), options.device_name).rows(space, held_out);
  drop_unmeasured(report.held_out, "held-out networks");
  predict(space, *estimator, report.held_out);
  predict(space, *estimator, report.samples);
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
  write_file(folder / "held_out.svg", held_out_svg(report));
  write_file(folder / "networks.csv", to_csv(measured_networks(report)));
  write_file(folder / "report.md", to_markdown(report));
  write_file(folder / "report.json", to_json(report));  // last: its presence says that the report is complete
}

}  // namespace naslat
