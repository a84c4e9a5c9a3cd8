#include "predictor/block_costs.hpp"

#include <algorithm>

#include "configs/errors.hpp"
#include "predictor/group_process.hpp"

namespace naslat {

namespace {

Eigen::Array3d figures_of(const BlockWork& block) { return {block.layers, block.macs, block.elements}; }

}  // namespace

const std::vector<BlockWork>& blocks_executed(const Encoding& architecture, GraphMode mode) {
  const auto& blocks = architecture.work.executed.at(static_cast<std::size_t>(mode));
  if (blocks.empty()) throw DataError("timed blocks: architectures came without the blocks that the device executes");
  return blocks;
}

std::size_t BlockCosts::timed(const Samples& samples) {
  return static_cast<std::size_t>(std::count_if(samples.block_s.begin(), samples.block_s.end(),
                                                [](const BlockTimes& times) { return !times.empty(); }));
}

BlockCosts::BlockCosts(const Samples& samples, std::optional<std::size_t> left_out)
    : mode_(samples.facts.mode.value()) {
  std::map<std::uint64_t, int> times;
  std::map<std::uint64_t, Figures> figures;
  for (std::size_t i = 0; i < samples.block_s.size(); ++i) {
    if (i == left_out || samples.block_s[i].empty()) continue;
    for (const auto& [id, block_s] : samples.block_s[i]) {
      known_s_[id] += block_s;
      ++times[id];
    }
    for (const BlockWork& block : blocks_executed(samples.x[i], mode_)) figures.emplace(block.id, figures_of(block));
  }
  double mean_s = 0;
  for (auto& [id, sum_s] : known_s_) {
    sum_s /= times[id];
    mean_s += sum_s / static_cast<double>(known_s_.size());
  }

  constexpr double kPenalty = 0.01;  // keeps apart what the blocks known cannot
  Eigen::Matrix3d quadratic = Eigen::Matrix3d::Zero();
  Eigen::Vector3d linear = Eigen::Vector3d::Zero();
  Figures largest = Figures::Constant(1e-30);
  for (const auto& [id, block] : figures) largest = largest.max(block);
  for (const auto& [id, block] : figures) {
    const auto known = known_s_.find(id);
    if (known == known_s_.end() || known->second <= 0) continue;
    const Eigen::Vector3d relative = block / largest / (known->second / mean_s);
    quadratic += relative * relative.transpose();
    linear += relative;
  }
  quadratic.diagonal() *= 1 + kPenalty;
  quadratic.diagonal().array() += 1e-12;  // no block computes, or none was timed
  unit_s_ = non_negative_minimum(quadratic, linear).array() * mean_s / largest;
}

double BlockCosts::latency_s(const Encoding& architecture) const {
  double sum_s = 0;
  for (const BlockWork& block : blocks_executed(architecture, mode_)) {
    const auto known = known_s_.find(block.id);
    sum_s += block.count * (known != known_s_.end() ? known->second : (unit_s_ * figures_of(block)).sum());
  }
  return sum_s;
}

}  // namespace naslat
