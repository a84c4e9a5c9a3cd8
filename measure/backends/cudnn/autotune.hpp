#pragma once

#include <optional>
#include <vector>

#include "measure/backends/cudnn/convolution.hpp"
#include "measure/backends/cudnn/engine.hpp"
#include "measure/backends/cudnn/gpu.hpp"
#include "measure/backends/cudnn/plan.hpp"

namespace naslat::cudnn {

/// Of each source (graph engines, legacy algorithms, cuBLASLt's), as its heuristics rank them.
inline constexpr std::size_t kMostCandidates = 5;
inline constexpr int kTrials = 7;           ///< of each candidate
inline constexpr double kLeastGain = 0.03;  ///< below it, the heuristics' choice stays: it repeats, noise does not

/// The candidate to run: the first that works, unless another's median is shorter by more than kLeastGain.
/// @param samples_s  by candidate, the heuristics' choice first; empty where one does not work
/// @returns nothing if none works
[[nodiscard]] std::optional<std::size_t> fastest_candidate(const std::vector<std::vector<double>>& samples_s);

/// Engines that run one behind the other.
using EngineSequence = std::vector<EnginePointer>;

/// Seconds of each candidate by the GPU's clock, in turns, on random data. @pre a convolution or a matmul
[[nodiscard]] std::vector<std::vector<double>> time_candidates(const Gpu& gpu, const Operation& operation,
                                                               DataType dtype,
                                                               const std::vector<EngineSequence>& candidates);

}  // namespace naslat::cudnn
