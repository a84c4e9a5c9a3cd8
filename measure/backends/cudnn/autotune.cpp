#include "measure/backends/cudnn/autotune.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "configs/errors.hpp"
#include "measure/backends/cudnn/stopwatch.hpp"
#include "measure/backends/cudnn/storage.hpp"
#include "measure/statistics.hpp"
#include "spaces/random.hpp"

namespace naslat::cudnn {

namespace {

/// Elements by slot: dst, src, weights, bias, addend.
using Extents = std::array<std::int64_t, 5>;
Extents extents(const ConvolutionCall& c) {
  const std::int64_t dst = c.batch * c.out_channels * c.out_height * c.out_width;
  return {dst, c.batch * c.in_channels * c.in_height * c.in_width,
          c.out_channels * (c.in_channels / c.groups) * c.kernel * c.kernel, c.out_channels, dst};
}
Extents extents(const MatmulCall& c) {
  return {c.rows * c.out, c.rows * c.src_stride, c.out * c.in, c.out, c.rows * c.out};
}
Extents extents(const Operation& operation) {
  const auto* const call = std::get_if<ConvolutionCall>(&operation);
  return call ? extents(*call) : extents(std::get<MatmulCall>(operation));
}

/// Random, since zeros take less power and let the clock rise; one piece over and over, since drawing takes longer.
DeviceMemory random_memory(const Gpu& gpu, std::int64_t elements, DataType dtype) {
  constexpr std::size_t kPiece = 65'521;
  Rng rng(1);
  std::vector<float> values(kPiece);
  for (float& value : values) value = static_cast<float>(2 * rng.uniform() - 1);
  const std::vector<std::byte> piece = stored(values, dtype);
  std::vector<std::byte> bytes(static_cast<std::size_t>(elements) * element_bytes(dtype));
  for (std::size_t at = 0; at < bytes.size(); at += piece.size()) {
    std::copy_n(piece.begin(), std::min(piece.size(), bytes.size() - at),
                bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  DeviceMemory memory(gpu, bytes.size());
  memory.upload(bytes);
  return memory;
}

void run(const Gpu& gpu, std::span<const Launch> launches) {
  for (const Launch& launch : launches) launch();
  gpu.synchronise();
}

/// Bound and run once; nothing of a candidate that does not work.
std::vector<Launch> bound(const Gpu& gpu, const EngineSequence& candidate, const Pointers& at, void* workspace) {
  std::vector<Launch> launches;
  try {
    for (const EnginePointer& engine : candidate) launches.push_back(engine->bind(at, workspace));
    run(gpu, launches);
  } catch (const Unsupported&) {
    launches.clear();
  } catch (const DataError&) {
    launches.clear();
  }
  return launches;
}

}  // namespace

std::optional<std::size_t> fastest_candidate(const std::vector<std::vector<double>>& samples_s) {
  std::optional<std::size_t> chosen, fastest;
  const auto latency_s = [&](std::size_t candidate) { return median_of(samples_s[candidate]); };
  for (std::size_t c = 0; c < samples_s.size(); ++c) {
    if (samples_s[c].empty()) continue;
    if (!chosen) chosen = c;
    if (!fastest || latency_s(c) < latency_s(*fastest)) fastest = c;
  }
  if (chosen && latency_s(*fastest) < (1 - kLeastGain) * latency_s(*chosen)) return fastest;
  return chosen;
}

std::vector<std::vector<double>> time_candidates(const Gpu& gpu, const Operation& operation, DataType dtype,
                                                 const std::vector<EngineSequence>& candidates) {
  std::vector<DeviceMemory> operands;
  Pointers at{};
  for (const std::int64_t elements : extents(operation)) {
    operands.push_back(random_memory(gpu, elements, dtype));
    at.at[operands.size() - 1] = operands.back().data();
  }
  std::size_t workspace_bytes = 0;
  for (const EngineSequence& candidate : candidates) {
    for (const EnginePointer& engine : candidate)
      workspace_bytes = std::max(workspace_bytes, engine->workspace_bytes());
  }
  const DeviceMemory workspace(gpu, workspace_bytes);
  std::vector<std::vector<Launch>> launches;
  for (const EngineSequence& candidate : candidates) launches.push_back(bound(gpu, candidate, at, workspace.data()));

  const Stopwatch stopwatch(gpu);
  std::vector<std::vector<double>> samples_s(candidates.size());
  for (int trial = 0; trial < kTrials; ++trial) {
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      if (launches[c].empty()) continue;
      stopwatch.start();
      for (const Launch& launch : launches[c]) launch();
      stopwatch.stop();
      gpu.synchronise();
      samples_s[c].push_back(stopwatch.elapsed_s());
    }
  }
  return samples_s;
}

}  // namespace naslat::cudnn
