#include "predictor/calibration.hpp"

#include <cassert>
#include <utility>

namespace naslat {

namespace {

struct Line {
  double slope = 1, offset_s = 0;
};

/// Minimises the sum of ((slope·predicted + offset - measured) / measured)².
Line fit(const std::vector<double>& predicted_s, const std::vector<double>& measured_s) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (std::size_t i = 0; i < measured_s.size(); ++i) {
    const double weight = 1 / (measured_s[i] * measured_s[i]), x = predicted_s[i], y = measured_s[i];
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
  }
  const double spread = w * wxx - wx * wx;
  const double slope = spread > 0 ? (w * wxy - wx * wy) / spread : 0;
  return slope > 0 ? Line{slope, (wy - slope * wx) / w} : Line{};
}

class CalibratedEstimator final : public Estimator {
 public:
  CalibratedEstimator(std::unique_ptr<Estimator> inner, Line line) : inner_(std::move(inner)), line_(line) {}

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    std::vector<double> latency_s = inner_->predict_s(architectures);
    for (double& value : latency_s) value = line_.slope * value + line_.offset_s;
    return latency_s;
  }

 private:
  std::unique_ptr<Estimator> inner_;
  Line line_;
};

}  // namespace

std::unique_ptr<Estimator> calibrate(std::unique_ptr<Estimator> estimator, const Samples& known) {
  assert(known.x.size() >= 2 && known.x.size() == known.latency_s.size());
  const Line line = fit(estimator->predict_s(known.x), known.latency_s);
  return std::make_unique<CalibratedEstimator>(std::move(estimator), line);
}

}  // namespace naslat
