#pragma once

#include <Eigen/Dense>
#include <span>
#include <vector>

namespace naslat {

/// Candidates whose samples lower the mean variance over all candidates most, one after the other (greedy A-optimal
/// design of a linear Gaussian model), beside those known already.
/// @param roots one row per candidate; products of rows are prior covariances @param noise variance of a sample
/// @param known rows seen already @param count at most as many are left
[[nodiscard]] std::vector<std::size_t> greedy_design(const Eigen::MatrixXd& roots, double noise,
                                                     std::span<const std::size_t> known, std::size_t count);

}  // namespace naslat
