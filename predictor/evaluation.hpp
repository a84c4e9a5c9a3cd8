#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "predictor/predictor.hpp"
#include "predictor/tasks.hpp"

namespace naslat {

/// How a predictor is judged (help-predictor.md 6). `paper`: support and scale from the trimmed pool, 1,000 queries
/// trimmed by the device's own latency. `strict`: what a user can do: only the samples are known, every other
/// architecture is asked. `nasflat`: the same, as MLSys 2024's tables have it (20 samples, mean over targets).
enum class EvaluationProtocol { paper, strict, nasflat };
[[nodiscard]] std::string_view to_string(EvaluationProtocol protocol);
/// @throws ConfigError
[[nodiscard]] EvaluationProtocol parse_evaluation_protocol(std::string_view text);

/// One adaptation to one support. `coverage90` is the share of latencies within the predictor's 90% intervals, NaN
/// where it gives none.
struct Evaluation {
  double spearman = 0, kendall = 0, median_ape = 0, within_5pct = 0, within_10pct = 0, coverage90 = 0;
  bool designed = false;  ///< whether the predictor chose its samples
};
inline constexpr std::array kEvaluationFields = {&Evaluation::spearman,     &Evaluation::kendall,
                                                 &Evaluation::median_ape,   &Evaluation::within_5pct,
                                                 &Evaluation::within_10pct, &Evaluation::coverage90};

/// What a predictor adapted to one support said of the networks it was asked for, seconds.
struct Answers {
  std::vector<std::size_t> queries;  ///< positions in the list of architectures
  std::vector<double> estimated_s, measured_s;
  std::vector<double> spread_s;  ///< empty from predictors that give none
  bool designed = false;
};

/// @param samples of the support, beside the ten references of the embedding
/// @param designed a predictor that can choose its samples does, from 5,000 random candidates, or half of what there is
[[nodiscard]] Answers ask(const LatencyPredictor& predictor, const Encodings& encodings, const DeviceTask& device,
                          EvaluationProtocol protocol, int samples, std::uint64_t seed, bool designed = false);

[[nodiscard]] Evaluation judge(const Answers& answers);

}  // namespace naslat
