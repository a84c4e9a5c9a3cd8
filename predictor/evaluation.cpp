#include "predictor/evaluation.hpp"

#include <fmt/format.h>

#include <cmath>
#include <unordered_set>

#include "configs/errors.hpp"
#include "predictor/metrics.hpp"

namespace naslat {

namespace {

/// Which architectures are known and which are asked, by position.
struct Split {
  std::vector<std::size_t> support, queries;
  TargetScale scale;
};

std::vector<std::size_t> draw(const std::vector<std::size_t>& from, int count, Rng& rng) {
  if (static_cast<std::size_t>(count) > from.size()) {
    throw ConfigError(fmt::format("samples: got {}, wanted at most {}", count, from.size()));
  }
  std::vector<std::size_t> drawn;
  for (const std::uint64_t i : rng.distinct(static_cast<std::uint64_t>(count), from.size())) drawn.push_back(from[i]);
  return drawn;
}

std::vector<double> latencies_of(const DeviceTask& device, const std::vector<std::size_t>& positions) {
  std::vector<double> latency_s;
  for (const std::size_t i : positions) latency_s.push_back(device.latency_s[i]);
  return latency_s;
}

std::vector<std::size_t> measured(const DeviceTask& device) {
  std::vector<std::size_t> known;
  for (std::size_t i = 0; i < device.latency_s.size(); ++i) {
    if (std::isfinite(device.latency_s[i])) known.push_back(i);
  }
  return known;
}

std::vector<std::size_t> without(std::vector<std::size_t> positions, const std::vector<std::size_t>& dropped) {
  const std::unordered_set<std::size_t> set(dropped.begin(), dropped.end());
  std::erase_if(positions, [&](std::size_t i) { return set.contains(i); });
  return positions;
}

/// Predictors that want more samples than the pool has (BRP-NAS: 900 and 3,200) draw them from all but the queries.
Split paper_split(const DeviceTask& device, int samples, Rng& rng) {
  const bool few = static_cast<std::size_t>(samples) <= device.pool.size();
  return {draw(few ? device.pool : without(measured(device), device.queries), samples, rng), device.queries,
          device.scale};
}

Split strict_split(const DeviceTask& device, int samples, Rng& rng) {
  const std::vector<std::size_t> known = measured(device);
  Split split{draw(known, samples, rng), {}, {}};
  split.scale = target_scale(latencies_of(device, split.support));
  split.queries = without(known, split.support);
  return split;
}

std::vector<Encoding> encodings_of(const Encodings& encodings, const std::vector<std::size_t>& positions) {
  std::vector<Encoding> list;
  for (const std::size_t i : positions) list.push_back(encodings[i]);
  return list;
}

}  // namespace

std::string_view to_string(EvaluationProtocol protocol) {
  return protocol == EvaluationProtocol::paper ? "paper" : "strict";
}

EvaluationProtocol parse_evaluation_protocol(std::string_view text) {
  for (const auto protocol : {EvaluationProtocol::paper, EvaluationProtocol::strict}) {
    if (text == to_string(protocol)) return protocol;
  }
  throw ConfigError(fmt::format("protocols: got '{}', wanted paper or strict", text));
}

Evaluation evaluate(const LatencyPredictor& predictor, const Encodings& encodings, const DeviceTask& device,
                    EvaluationProtocol protocol, int samples, std::uint64_t seed) {
  Rng rng(seed);
  const Split split =
      protocol == EvaluationProtocol::paper ? paper_split(device, samples, rng) : strict_split(device, samples, rng);
  const Samples support{encodings_of(encodings, split.support), latencies_of(device, split.support)};
  const auto estimator = predictor.adapt(device.embedding, support, split.scale, rng);
  const std::vector<double> predicted_s = estimator->predict_s(encodings_of(encodings, split.queries));
  const std::vector<double> measured_s = latencies_of(device, split.queries);
  return {.spearman = spearman(predicted_s, measured_s),
          .kendall = kendall(predicted_s, measured_s),
          .median_ape = median_ape(predicted_s, measured_s),
          .within_5pct = share_within(predicted_s, measured_s, 0.05),
          .within_10pct = share_within(predicted_s, measured_s, 0.10)};
}

}  // namespace naslat
