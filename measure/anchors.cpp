#include "measure/anchors.hpp"

#include <algorithm>
#include <cmath>

#include "configs/errors.hpp"
#include "measure/protocol.hpp"
#include "spaces/network.hpp"

namespace naslat {

namespace {

constexpr int kDiscardedRuns = 2;
constexpr std::size_t kTimedRuns = 10;
constexpr double kPartTolerance = 0.02;
constexpr std::size_t kRatiosNeeded = 4;  // before that there is no "usual"

}  // namespace

double Anchors::Reading::level_s() const { return std::sqrt(latency_s[0] * latency_s[1]); }

Anchors::Anchors(const SearchSpace& space, Backend& backend, const Device& device) {
  std::vector<Network> references;
  for (const Architecture& reference : space.references()) references.push_back(space.network(reference));
  if (references.empty()) throw DataError("anchor: space '" + space.name() + "' has no reference architectures");
  const auto [cheapest, dearest] = std::minmax_element(
      references.begin(), references.end(), [](const Network& a, const Network& b) { return macs(a) < macs(b); });
  networks_ = {backend.compile(*cheapest, device), backend.compile(*dearest, device)};
}

Anchors::Reading Anchors::read(const Clock& now, double& executing_s) {
  Reading reading;
  const double start_s = now();
  for (std::size_t i = 0; i < networks_.size(); ++i) {
    std::vector<double> samples_s(kTimedRuns);
    executing_s += time_runs(*networks_[i], now, kDiscardedRuns, samples_s);
    reading.latency_s[i] = median_of(std::move(samples_s));
  }
  reading.at_s = (start_s + now()) / 2;
  levels_s_.push_back(reading.level_s());
  ratios_.push_back(reading.latency_s[1] / reading.latency_s[0]);
  return reading;
}

void Anchors::warm_up(const Clock& now, double seconds, double& executing_s) {
  const double start_s = now();
  constexpr int kMostRounds = 100'000;
  for (int round = 0; round < kMostRounds && now() - start_s < seconds; ++round) {
    for (const auto& network : networks_) executing_s += time_runs(*network, now, 1, {});
  }
}

bool Anchors::part(const Reading& reading) const {
  if (ratios_.size() < kRatiosNeeded) return false;
  const double usual = median_of(ratios_);
  return std::abs(reading.latency_s[1] / reading.latency_s[0] / usual - 1) > kPartTolerance;
}

double difference(const Anchors::Reading& before, const Anchors::Reading& after) {
  double largest = 0;
  for (std::size_t i = 0; i < before.latency_s.size(); ++i) {
    largest = std::max(largest, std::abs(after.latency_s[i] / before.latency_s[i] - 1));
  }
  return largest;
}

double interpolate(const Anchors::Reading& before, const Anchors::Reading& after, double at_s) {
  if (after.at_s <= before.at_s) return before.level_s();
  const double share = std::clamp((at_s - before.at_s) / (after.at_s - before.at_s), 0.0, 1.0);
  return before.level_s() + share * (after.level_s() - before.level_s());
}

}  // namespace naslat
