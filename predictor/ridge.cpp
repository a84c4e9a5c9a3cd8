#include "predictor/ridge.hpp"

#include <fmt/format.h>

#include <limits>

#include "configs/errors.hpp"

namespace naslat {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Coefficients for the penalty whose predictions of each sample from the others are best. With X'X = V D V' and Z =
/// XV, a sample's own influence is the sum of z² / (d + penalty), so all penalties cost one decomposition.
VectorXd best_ridge(const MatrixXd& x, const VectorXd& y) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> decomposition(x.transpose() * x);
  const MatrixXd z = x * decomposition.eigenvectors();
  const VectorXd projected = z.transpose() * y;
  VectorXd best = VectorXd::Zero(x.cols());  // where no penalty leaves an error that is a number
  double least = std::numeric_limits<double>::infinity();
  for (const double share : {1e-4, 1e-3, 1e-2, 1e-1, 1.0}) {
    const VectorXd inverse =
        (decomposition.eigenvalues().array().max(0) + share * static_cast<double>(x.rows())).inverse();
    const VectorXd coefficients = inverse.cwiseProduct(projected);
    const VectorXd influence = z.array().square().matrix() * inverse;
    const VectorXd left_out =
        (y - z * coefficients).array() / (1 - influence.array() - 1.0 / static_cast<double>(x.rows()));
    if (const double error = left_out.squaredNorm(); error < least) {
      least = error;
      best = decomposition.eigenvectors() * coefficients;
    }
  }
  return best;
}

class RidgeEstimator final : public Estimator {
 public:
  std::shared_ptr<const AdditiveFeatures> features;
  VectorXd coefficients;
  double offset_s = 0;

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    const VectorXd latency_s = ((*features)(architectures)*coefficients).array() + offset_s;
    return {latency_s.begin(), latency_s.end()};
  }
};

}  // namespace

void RidgePredictor::meta_train(const SourcePool& pool, const TrainingObserver&) {
  features_ = std::make_shared<const AdditiveFeatures>(pool.encodings);
}

std::unique_ptr<Estimator> RidgePredictor::adapt(const HardwareEmbedding&, const Samples& support, const TargetScale&,
                                                 Rng&) const {
  if (!features_) throw DataError(fmt::format("{}: meta_train() comes first", name_));
  if (support.x.size() < 2) {
    throw DataError(fmt::format("{}: got {} samples, wanted at least 2", name_, support.x.size()));
  }
  MatrixXd x = (*features_)(support.x);
  if (figures_ == Figures::kinds) {
    for (const auto& group : features_->groups()) {
      if (group.name != "kinds") x.middleCols(group.first, group.count).setZero();
    }
  }
  const Eigen::RowVectorXd centre = x.colwise().mean();
  x.rowwise() -= centre;
  VectorXd y = VectorXd::Map(support.latency_s.data(), static_cast<Index>(support.latency_s.size()));
  auto estimator = std::make_unique<RidgeEstimator>();
  estimator->features = features_;
  estimator->offset_s = y.mean();
  y.array() -= estimator->offset_s;
  estimator->coefficients = best_ridge(x, y);
  estimator->offset_s -= centre * estimator->coefficients;
  return estimator;
}

}  // namespace naslat
