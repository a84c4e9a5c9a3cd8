#pragma once

#include <Eigen/Core>

#include "predictor/additive_features.hpp"
#include "predictor/group_process.hpp"

namespace naslat {

/// A model's prediction, linear in the features, and how well it predicts each sample from the others.
struct Member {
  Eigen::VectorXd coefficients;
  double constant = 0;
  Eigen::VectorXd left_out;
};

/// The groups that explain a device in detail: of the others, totals repeat sums and a mixture repeats devices.
[[nodiscard]] AdditiveFeatures::Groups in_detail(const AdditiveFeatures::Groups& groups);

/// @param features samples × figures, of which the groups are columns @throws Interrupted
[[nodiscard]] GroupProcess process_of(const Eigen::MatrixXd& features, const Eigen::VectorXd& targets,
                                      const AdditiveFeatures::Groups& groups);

/// All members that the groups allow for, each fitted to the samples, and their average.
struct FittedMembers {
  GroupProcess process;  ///< of the groups in detail
  Member mean;
};
/// @param threads do not change the result @throws Interrupted
[[nodiscard]] FittedMembers fit_members(const Eigen::MatrixXd& features, const Eigen::VectorXd& targets,
                                        const AdditiveFeatures::Groups& groups, int threads);

}  // namespace naslat
