#include "measure/subject.hpp"

#include <algorithm>
#include <utility>

#include "measure/disturbance.hpp"
#include "measure/statistics.hpp"

namespace naslat {

const Measurement& Subject::calmest() const {
  if (!earlier) return record;
  const auto unrest = [](const Measurement& m) {
    return std::pair(disturbed(m.disturbance, m.protocol.timed_runs), m.disturbance.involuntary_switches);
  };
  return !complete() || unrest(*earlier) < unrest(record) ? *earlier : record;
}

void Subject::start_again() {
  earlier = calmest();
  record.samples_s.clear();
  record.anchor_s.clear();
  record.blocks.clear();
  block_samples_s.clear();
  record.flags.clear();
  record.disturbance = {};
  record.device_samples_s.clear();
  record.device_states = {};
  visits_done = 0;
  warm = anchors_part = drifting = false;
}

std::vector<BlockLatency> Subject::block_latencies() const {
  if (block_samples_s.empty()) return {};
  const std::vector<BlockInfo>& blocks = executable->blocks();
  const std::size_t runs = block_samples_s.size() / blocks.size();
  const auto sample_s = [&](std::size_t run, std::size_t block) {
    return block_samples_s[run * blocks.size() + block];
  };
  std::vector<std::pair<double, std::size_t>> by_total;
  for (std::size_t run = 0; run < runs; ++run) {
    double total_s = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) total_s += sample_s(run, b);
    by_total.emplace_back(total_s, run);
  }
  std::sort(by_total.begin(), by_total.end());
  const std::size_t dropped = trimmed_count(runs, record.protocol.trim_fraction);
  std::vector<BlockLatency> latencies;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    double sum_s = 0;
    for (std::size_t i = dropped; i < runs - dropped; ++i) sum_s += sample_s(by_total[i].second, b);
    latencies.push_back({blocks[b], sum_s / static_cast<double>(runs - 2 * dropped)});
  }
  return latencies;
}

}  // namespace naslat
