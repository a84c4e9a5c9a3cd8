#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "predictor/predictor.hpp"
#include "predictor/tasks.hpp"

namespace naslat {

/// How a predictor is judged (help-predictor.md 6). `paper`: support and scale from the trimmed pool, 1,000 queries
/// trimmed by the device's own latency. `strict`: what a user can do: only the samples are known, every other
/// architecture is asked.
enum class EvaluationProtocol { paper, strict };
[[nodiscard]] std::string_view to_string(EvaluationProtocol protocol);
/// @throws ConfigError
[[nodiscard]] EvaluationProtocol parse_evaluation_protocol(std::string_view text);

/// One adaptation from one draw of support samples.
struct Evaluation {
  double spearman = 0, kendall = 0, median_ape = 0, within_5pct = 0, within_10pct = 0;
};

/// @param samples drawn for the support, beside the ten references of the embedding
[[nodiscard]] Evaluation evaluate(const LatencyPredictor& predictor, const Encodings& encodings,
                                  const DeviceTask& device, EvaluationProtocol protocol, int samples,
                                  std::uint64_t seed);

}  // namespace naslat
