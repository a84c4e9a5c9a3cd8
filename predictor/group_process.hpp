#pragma once

#include <Eigen/Dense>
#include <span>
#include <vector>

namespace naslat {

/// Gaussian process over few samples whose covariance is a sum of given kernels, each with a variance of its own, plus
/// a wide constant and Student-t noise. The variances maximise the evidence times a log-normal prior; the noise is a
/// normal one whose precision differs from sample to sample (Lange et al. 1989), so that an outlier is hardly believed.
/// Targets are in units of their own spread and have mean 0.
struct GroupProcess {
  Eigen::VectorXd variance;   ///< of each kernel
  double noise = 0;           ///< variance of a fully trusted sample's noise
  Eigen::VectorXd trust;      ///< of each sample; its noise has variance noise / trust
  Eigen::MatrixXd precision;  ///< inverse of the samples' covariance
  Eigen::VectorXd alpha;      ///< precision · targets

  /// The constant's share of a prediction.
  [[nodiscard]] double constant() const;
  /// What each sample is predicted to be from all others (Rasmussen and Williams, 5.12).
  [[nodiscard]] Eigen::VectorXd leave_one_out(const Eigen::VectorXd& targets) const;
  /// Variance of these predictions, noise included.
  [[nodiscard]] Eigen::VectorXd leave_one_out_variance() const { return precision.diagonal().cwiseInverse(); }
};

constexpr double kConstantVariance = 4;

/// @param kernels samples × samples, of mean diagonal about 1
/// @param prior_variance median of each kernel's prior @throws Interrupted
[[nodiscard]] GroupProcess fit_group_process(std::span<const Eigen::MatrixXd> kernels, const Eigen::VectorXd& targets,
                                             std::span<const double> prior_variance);

/// Minimises b' Q b / 2 - l' b over b >= 0: costs of operations are not negative. Coordinate descent.
/// @param quadratic Q, its diagonal positive
/// @param start where to begin; empty: 0
[[nodiscard]] Eigen::VectorXd non_negative_minimum(const Eigen::MatrixXd& quadratic, const Eigen::VectorXd& linear,
                                                   const Eigen::VectorXd& start = {});

/// Minimises (t - c - F b)' P (t - c - F b) + b' R b over b >= 0 and the constant c.
/// @param penalty R, diagonal
/// @param start where to begin; empty: 0
struct NonNegative {
  Eigen::VectorXd b;
  double constant = 0;
};
[[nodiscard]] NonNegative fit_non_negative(const Eigen::MatrixXd& features, const Eigen::VectorXd& targets,
                                           const Eigen::MatrixXd& precision, double penalty,
                                           const Eigen::VectorXd& start = {});

}  // namespace naslat
