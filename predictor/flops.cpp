#include "predictor/flops.hpp"

#include <cmath>

#include "configs/errors.hpp"

namespace naslat {

namespace {

class Line final : public Estimator {
 public:
  Line(double offset_s, double slope_s) : offset_s_(offset_s), slope_s_(slope_s) {}

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s;
    for (const Encoding& x : architectures) latency_s.push_back(offset_s_ + slope_s_ * x.macs);
    return latency_s;
  }

 private:
  double offset_s_, slope_s_;  // seconds, seconds per MAC
};

}  // namespace

std::unique_ptr<Estimator> FlopsPredictor::adapt(const HardwareEmbedding&, const Samples& support, const TargetScale&,
                                                 Rng&) const {
  if (support.x.empty()) throw DataError("flops: support: got no samples, wanted at least 1");
  const auto count = static_cast<double>(support.x.size());
  double mean_macs = 0, mean_s = 0, variance = 0, covariance = 0;
  for (std::size_t i = 0; i < support.x.size(); ++i) {
    if (support.x[i].macs <= 0) throw DataError("flops: architectures came without their multiply-accumulates");
    mean_macs += support.x[i].macs / count;
    mean_s += support.latency_s[i] / count;
  }
  for (std::size_t i = 0; i < support.x.size(); ++i) {
    const double macs = support.x[i].macs - mean_macs;
    variance += macs * macs;
    covariance += macs * (support.latency_s[i] - mean_s);
  }
  // More work never takes less time: where the samples say so, or say nothing, through the origin.
  const double slope_s = variance > 0 && covariance > 0 ? covariance / variance : mean_s / mean_macs;
  return std::make_unique<Line>(mean_s - slope_s * mean_macs, slope_s);
}

}  // namespace naslat
