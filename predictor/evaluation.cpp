#include "predictor/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
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
  bool designed = false;
};

std::vector<std::size_t> draw(const std::vector<std::size_t>& from, int count, Rng& rng) {
  if (static_cast<std::size_t>(count) > from.size()) {
    throw ConfigError(fmt::format("samples: got {}, wanted at most {}", count, from.size()));
  }
  std::vector<std::size_t> drawn;
  for (const std::uint64_t i : rng.distinct(static_cast<std::uint64_t>(count), from.size())) drawn.push_back(from[i]);
  return drawn;
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

template <typename Item>
std::vector<Item> at(const std::vector<Item>& items, const std::vector<std::size_t>& positions) {
  std::vector<Item> list;
  list.reserve(positions.size());
  for (const std::size_t i : positions) list.push_back(items[i]);
  return list;
}

Samples samples_of(const Encodings& encodings, const DeviceTask& device, const std::vector<std::size_t>& positions) {
  return {at(encodings, positions), at(device.latency_s, positions), device.facts,
          device.block_s.empty() ? std::vector<BlockTimes>{} : at(device.block_s, positions)};
}

/// What the predictor asks for among half of these positions, drawn anew each time so that its designs differ, or among
/// 5,000; nothing if it takes what it gets.
std::vector<std::size_t> design(const LatencyPredictor& predictor, const Encodings& encodings, const DeviceFacts& facts,
                                const std::vector<std::size_t>& from, int count, Rng& rng) {
  const std::size_t half = std::max(from.size() / 2, std::min(from.size(), static_cast<std::size_t>(count)));
  const std::vector<std::size_t> candidates = draw(from, static_cast<int>(std::min<std::size_t>(5000, half)), rng);
  std::vector<std::size_t> chosen =
      predictor.next(at(encodings, candidates), {{}, {}, facts}, static_cast<std::size_t>(count));
  for (std::size_t& position : chosen) position = candidates[position];
  return chosen;
}

/// Under `paper`, predictors that choose their samples or want more than the pool has (BRP-NAS: 900 and 3,200) get them
/// from all but the queries.
Split split_of(const LatencyPredictor& predictor, const Encodings& encodings, const DeviceTask& device,
               EvaluationProtocol protocol, int samples, bool designed, Rng& rng) {
  const bool paper = protocol == EvaluationProtocol::paper;
  const std::vector<std::size_t> known = measured(device);
  const std::vector<std::size_t> others = paper ? without(known, device.queries) : known;
  constexpr std::size_t kFewest = 2;  // queries that can be ranked
  const std::size_t most = paper ? others.size() : others.size() - std::min(kFewest, others.size());
  if (static_cast<std::size_t>(samples) > most) {
    throw ConfigError(fmt::format("samples: {}: got {}, wanted at most {}", device.device, samples, most));
  }
  Split split;
  if (designed) split.support = design(predictor, encodings, device.facts, others, samples, rng);
  split.designed = !split.support.empty();
  if (!split.designed) {
    const bool from_pool = paper && static_cast<std::size_t>(samples) <= device.pool.size();
    split.support = draw(from_pool ? device.pool : others, samples, rng);
  }
  split.queries = paper ? device.queries : without(known, split.support);
  split.scale = paper ? device.scale : target_scale(at(device.latency_s, split.support));
  return split;
}

double coverage(const std::vector<double>& predicted_s, const std::vector<double>& spread_s,
                const std::vector<double>& measured_s) {
  if (spread_s.empty()) return std::nan("");
  std::size_t within = 0;
  for (std::size_t i = 0; i < measured_s.size(); ++i) {
    if (std::abs(measured_s[i] - predicted_s[i]) <= kNinetyPercent * spread_s[i]) ++within;
  }
  return static_cast<double>(within) / static_cast<double>(measured_s.size());
}

}  // namespace

std::string_view to_string(EvaluationProtocol protocol) {
  constexpr std::array<std::string_view, 3> kNames = {"paper", "strict", "nasflat"};
  return kNames.at(static_cast<std::size_t>(protocol));
}

EvaluationProtocol parse_evaluation_protocol(std::string_view text) {
  for (const auto protocol : {EvaluationProtocol::paper, EvaluationProtocol::strict, EvaluationProtocol::nasflat}) {
    if (text == to_string(protocol)) return protocol;
  }
  throw ConfigError(fmt::format("protocols: got '{}', wanted paper, strict or nasflat", text));
}

Answers ask(const LatencyPredictor& predictor, const Encodings& encodings, const DeviceTask& device,
            EvaluationProtocol protocol, int samples, std::uint64_t seed, bool designed) {
  Rng rng(seed);
  const Split split = split_of(predictor, encodings, device, protocol, samples, designed, rng);
  const Samples support = samples_of(encodings, device, split.support);
  const auto estimator = predictor.adapt(device.embedding, support, split.scale, rng);
  const std::vector<Encoding> queries = at(encodings, split.queries);
  std::vector<double> estimated_s = estimator->predict_s(queries);
  for (const double latency_s : estimated_s) {
    if (!std::isfinite(latency_s)) {
      throw DataError(fmt::format("{}: {} predicts {}, wanted a number", device.device, predictor.name(), latency_s));
    }
  }
  return {.queries = split.queries,
          .estimated_s = std::move(estimated_s),
          .measured_s = at(device.latency_s, split.queries),
          .spread_s = estimator->spread_s(queries),
          .designed = split.designed};
}

Evaluation judge(const Answers& a) {
  return {.spearman = spearman(a.estimated_s, a.measured_s),
          .kendall = kendall(a.estimated_s, a.measured_s),
          .median_ape = median_ape(a.estimated_s, a.measured_s),
          .within_5pct = share_within(a.estimated_s, a.measured_s, 0.05),
          .within_10pct = share_within(a.estimated_s, a.measured_s, 0.10),
          .coverage90 = coverage(a.estimated_s, a.spread_s, a.measured_s),
          .designed = a.designed};
}

}  // namespace naslat
