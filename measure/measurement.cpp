#include "measure/measurement.hpp"

#include <span>

namespace naslat {

namespace {

/// Calls `use(samples of the visit, its anchor)` for each visit.
template <typename Use>
void for_each_visit(const Measurement& measurement, const Use& use) {
  std::size_t first = 0;
  for (std::size_t visit = 0; visit < measurement.anchor_s.size(); ++visit) {
    const std::size_t runs = visit_runs(measurement.protocol, static_cast<int>(visit));
    if (first + runs > measurement.samples_s.size()) return;
    use(std::span(measurement.samples_s).subspan(first, runs), measurement.anchor_s[visit]);
    first += runs;
  }
}

}  // namespace

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::measured:
      return "measured";
    case Origin::simulated:
      return "simulated";
    case Origin::imported:
      return "imported";
  }
  return "unknown";
}

Disturbance& Disturbance::operator+=(const Disturbance& other) {
  involuntary_switches += other.involuntary_switches;
  major_faults += other.major_faults;
  steal_s += other.steal_s;
  throttled_s += other.throttled_s;
  return *this;
}

std::optional<double> latency_s(const Measurement& measurement) {
  if (measurement.skipped) return std::nullopt;
  if (measurement.samples_s.empty()) return measurement.latency_s_given;
  return trimmed_mean(measurement.samples_s, measurement.protocol.trim_fraction);
}

std::optional<double> device_latency_s(const Measurement& measurement) {
  if (measurement.device_samples_s.empty()) return std::nullopt;
  return trimmed_mean(measurement.device_samples_s, measurement.protocol.trim_fraction);
}

std::optional<double> median_latency_s(const Measurement& measurement) {
  if (measurement.skipped) return std::nullopt;
  if (measurement.samples_s.empty()) return measurement.latency_s_given;
  return median_of(measurement.samples_s);
}

std::optional<double> corrected_latency_s(const Measurement& measurement, double reference_anchor_s) {
  if (measurement.skipped) return std::nullopt;
  std::vector<double> visits;
  for_each_visit(measurement, [&](std::span<const double> samples_s, double anchor_s) {
    visits.push_back(trimmed_mean(samples_s, measurement.protocol.trim_fraction) / anchor_s);
  });
  if (visits.empty()) return latency_s(measurement);
  return median_of(std::move(visits)) * reference_anchor_s;
}

std::optional<double> block_share(const Measurement& measurement) {
  const auto whole_s = latency_s(measurement);
  if (measurement.blocks.empty() || !whole_s) return std::nullopt;
  double sum_s = 0;
  for (const BlockLatency& block : measurement.blocks) sum_s += block.latency_s;
  return sum_s / *whole_s;
}

std::optional<std::int64_t> memory_bytes(const Measurement& measurement) {
  const ExecutableInfo& info = measurement.executable;
  const std::int64_t bytes = info.arena_bytes + info.weight_bytes + info.scratchpad_bytes;
  return bytes > 0 ? std::optional(bytes) : std::nullopt;
}

std::vector<std::string> block_flags(const Measurement& measurement) {
  std::vector<double> levelled;
  for_each_visit(measurement, [&](std::span<const double> samples_s, double anchor_s) {
    for (const double sample_s : samples_s) levelled.push_back(sample_s / anchor_s);
  });
  if (levelled.empty()) levelled = measurement.samples_s;
  const BlockQuality quality = inspect_block(levelled, measurement.protocol.trim_fraction);
  std::vector<std::string> flags;
  if (!quality.steady()) flags.emplace_back("not steady");
  if (quality.many_spikes) flags.emplace_back("spikes");
  if (quality.two_modes) flags.emplace_back("two modes");
  return flags;
}

}  // namespace naslat
