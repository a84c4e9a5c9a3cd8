#include "predictor/group_process.hpp"

#include <algorithm>
#include <cmath>

#include "configs/interrupt.hpp"

namespace naslat {

namespace {

// Frozen on source and validation devices of the published tables, see configs/nasflat.toml.
constexpr double kDegreesOfFreedom = 4;
constexpr double kPriorNoise = 1e-2, kPriorSpread = 2, kPriorNoiseSpread = 2.5;  // spreads of natural logarithms
constexpr double kLeastVariance = 1e-6;  // a thousandth of the samples' deviation: finer than any clock repeats

/// Of a positive definite matrix: its Cholesky factor's inverse squared. Solving for the identity takes twice as long,
/// for it goes through the zeros, too.
Eigen::MatrixXd inverse_of(const Eigen::MatrixXd& matrix) {
  constexpr Eigen::Index kBlock = 32;  // columns
  const Eigen::Index n = matrix.rows();
  const Eigen::LLT<Eigen::MatrixXd> factor(matrix);
  Eigen::MatrixXd root = Eigen::MatrixXd::Zero(n, n), inverse(n, n);
  for (Eigen::Index first = 0; first < n; first += kBlock) {
    auto columns = root.block(first, first, n - first, std::min(kBlock, n - first));
    columns.diagonal().setOnes();
    factor.matrixLLT().bottomRightCorner(n - first, n - first).triangularView<Eigen::Lower>().solveInPlace(columns);
  }
  for (Eigen::Index first = 0; first < n; first += kBlock) {
    const Eigen::Index count = std::min(kBlock, n - first);
    inverse.block(first, 0, count, first + count).noalias() =
        root.block(first, first, n - first, count).transpose() * root.block(first, 0, n - first, first + count);
  }
  return inverse.selfadjointView<Eigen::Lower>();
}

/// The state of a fit: logarithms of the kernels' variances and the noise's, and the samples' trust.
class Fit {
 public:
  Fit(std::span<const Eigen::MatrixXd> kernels, const Eigen::VectorXd& targets, std::span<const double> prior)
      : kernels_(kernels), targets_(targets) {
    const auto groups = static_cast<Eigen::Index>(kernels.size());
    prior_.resize(groups + 1);
    spread_ = Eigen::VectorXd::Constant(groups + 1, kPriorSpread);
    for (Eigen::Index k = 0; k < groups; ++k) prior_[k] = std::log(prior[static_cast<std::size_t>(k)]);
    prior_[groups] = std::log(kPriorNoise);
    spread_[groups] = kPriorNoiseSpread;
    process_.trust = Eigen::VectorXd::Ones(targets.size());
    set(prior_);
  }

  /// Expectation step of Student-t noise: a sample far from what the others say is trusted less.
  void reweight(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      const Eigen::ArrayXd noise = process_.noise / process_.trust.array();
      const Eigen::ArrayXd residual = noise * process_.alpha.array();
      const Eigen::ArrayXd uncertainty = noise - noise.square() * process_.precision.diagonal().array();
      process_.trust =
          (kDegreesOfFreedom + 1) / (kDegreesOfFreedom + (residual.square() + uncertainty) / process_.noise);
      set(log_);
    }
  }

  /// Ascends the log posterior of the logarithms by resilient steps (Riedmiller and Braun 1993): only the signs of its
  /// gradient are used, so nothing needs to be tuned to the data.
  void maximise(int steps) {
    Eigen::VectorXd step = Eigen::VectorXd::Constant(log_.size(), 0.5), before = Eigen::VectorXd::Zero(log_.size());
    for (int i = 0; i < steps; ++i) {
      Eigen::VectorXd slope = gradient(), next = log_;
      for (Eigen::Index k = 0; k < slope.size(); ++k) {
        const double agreement = slope[k] * before[k];
        if (agreement > 0) step[k] = std::min(1.2 * step[k], 1.0);
        if (agreement < 0) step[k] *= 0.5, slope[k] = 0;
        next[k] += slope[k] > 0 ? step[k] : slope[k] < 0 ? -step[k] : 0;
        next[k] = std::max(next[k], std::log(kLeastVariance));
      }
      before = slope;
      set(next);
    }
  }

  [[nodiscard]] const GroupProcess& process() const { return process_; }

 private:
  void set(const Eigen::VectorXd& log) {
    if (interrupted()) throw Interrupted{};
    log_ = log;
    const Eigen::Index groups = log.size() - 1, n = targets_.size();
    process_.variance = log.head(groups).array().exp();
    process_.noise = std::exp(log[groups]);
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Constant(n, n, kConstantVariance);
    for (Eigen::Index k = 0; k < groups; ++k) {
      covariance += process_.variance[k] * kernels_[static_cast<std::size_t>(k)];
    }
    covariance.diagonal().array() += process_.noise / process_.trust.array();
    process_.precision = inverse_of(covariance);
    process_.alpha = process_.precision * targets_;
  }

  /// Of the log evidence (Rasmussen and Williams, 5.9) plus the log prior.
  [[nodiscard]] Eigen::VectorXd gradient() const {
    const Eigen::MatrixXd fit = process_.alpha * process_.alpha.transpose() - process_.precision;
    Eigen::VectorXd slope = -(log_ - prior_).array() / spread_.array().square();
    const Eigen::Index groups = log_.size() - 1;
    for (Eigen::Index k = 0; k < groups; ++k) {
      slope[k] += 0.5 * process_.variance[k] * fit.cwiseProduct(kernels_[static_cast<std::size_t>(k)]).sum();
    }
    slope[groups] += 0.5 * (fit.diagonal().array() * process_.noise / process_.trust.array()).sum();
    return slope;
  }

  std::span<const Eigen::MatrixXd> kernels_;
  const Eigen::VectorXd& targets_;
  Eigen::VectorXd prior_, spread_, log_;
  GroupProcess process_;
};

}  // namespace

double GroupProcess::constant() const { return kConstantVariance * alpha.sum(); }

Eigen::VectorXd GroupProcess::leave_one_out(const Eigen::VectorXd& targets) const {
  return targets.array() - alpha.array() / precision.diagonal().array();
}

GroupProcess fit_group_process(std::span<const Eigen::MatrixXd> kernels, const Eigen::VectorXd& targets,
                               std::span<const double> prior_variance) {
  constexpr int kFirstSteps = 60, kLaterSteps = 30;
  Fit fit(kernels, targets, prior_variance);
  fit.reweight(10);  // before variances can grow to explain an outlier
  fit.maximise(kFirstSteps);
  for (int round = 0; round < 2; ++round) {
    fit.reweight(5);
    fit.maximise(kLaterSteps);
  }
  fit.reweight(5);
  return fit.process();
}

Eigen::VectorXd non_negative_minimum(const Eigen::MatrixXd& quadratic, const Eigen::VectorXd& linear,
                                     const Eigen::VectorXd& start) {
  constexpr int kMostSweeps = 500;
  constexpr double kTolerance = 1e-7;
  Eigen::VectorXd b = start.size() > 0 ? start : Eigen::VectorXd::Zero(linear.size());
  Eigen::VectorXd slope = linear - quadratic * b;
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    double moved = 0;
    for (Eigen::Index j = 0; j < b.size(); ++j) {
      const double step = std::max(-b[j], slope[j] / quadratic(j, j));
      if (step == 0) continue;
      b[j] += step;
      slope -= step * quadratic.col(j);
      moved = std::max(moved, std::abs(step));
    }
    if (moved < kTolerance) break;
  }
  return b;
}

NonNegative fit_non_negative(const Eigen::MatrixXd& features, const Eigen::VectorXd& targets,
                             const Eigen::MatrixXd& precision, double penalty, const Eigen::VectorXd& start) {
  // The constant that is best for given b is a weighted mean of what is left; without it, a quadratic form in b alone.
  const Eigen::VectorXd weight = precision.rowwise().sum() / precision.sum();
  const Eigen::MatrixXd centred = features.rowwise() - weight.transpose() * features;
  const Eigen::VectorXd left = targets.array() - weight.dot(targets);
  const Eigen::MatrixXd weighted = precision * centred;
  Eigen::MatrixXd quadratic = centred.transpose() * weighted;
  quadratic.diagonal().array() += penalty;

  NonNegative fit{non_negative_minimum(quadratic, weighted.transpose() * left, start)};
  fit.constant = weight.dot(targets - features * fit.b);
  return fit;
}

}  // namespace naslat
