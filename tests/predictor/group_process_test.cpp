#include "predictor/group_process.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "predictor/design.hpp"
#include "spaces/random.hpp"

namespace naslat {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

MatrixXd normal(Index rows, Index columns, Rng& rng) {
  MatrixXd matrix(rows, columns);
  for (double& value : matrix.reshaped()) value = rng.normal();
  return matrix;
}

/// Targets of a process of two groups of features, with noise: what the fit is to find again.
struct Drawn {
  explicit Drawn(Index n, std::array<double, 2> variance, double noise, std::uint64_t seed = 1) {
    Rng rng(seed);
    targets = std::sqrt(noise) * normal(n, 1, rng);
    for (const double v : variance) {
      const MatrixXd features = normal(n, kColumns, rng);
      kernels.emplace_back(features * features.transpose() / static_cast<double>(kColumns));
      targets += std::sqrt(v / static_cast<double>(kColumns)) * features * normal(kColumns, 1, rng);
    }
  }

  static constexpr Index kColumns = 30;
  std::vector<MatrixXd> kernels;
  VectorXd targets;
};

MatrixXd covariance(const GroupProcess& process, const std::vector<MatrixXd>& kernels) {
  MatrixXd sum = MatrixXd::Constant(process.alpha.size(), process.alpha.size(), kConstantVariance);
  for (std::size_t k = 0; k < kernels.size(); ++k) sum += process.variance[static_cast<Index>(k)] * kernels[k];
  sum.diagonal().array() += process.noise / process.trust.array();
  return sum;
}

TEST(GroupProcess, FindsTheVariancesThatDrewTheTargets) {
  const Drawn drawn(150, {1.0, 0.05}, 0.02);
  const GroupProcess process = fit_group_process(drawn.kernels, drawn.targets, std::vector{0.3, 0.3});
  EXPECT_NEAR(std::log(process.variance[0] / 1.0), 0, 0.7);
  EXPECT_NEAR(std::log(process.variance[1] / 0.05), 0, 0.9);
  EXPECT_NEAR(std::log(process.noise / 0.02), 0, 0.5);
}

TEST(GroupProcess, PrecisionIsTheInverseOfTheCovariance) {
  for (const Index n : {1, 2, 31, 32, 33, 100}) {
    const Drawn drawn(n, {1.0, 0.05}, 0.02);
    const GroupProcess process = fit_group_process(drawn.kernels, drawn.targets, std::vector{0.3, 0.3});
    const MatrixXd product = process.precision * covariance(process, drawn.kernels);
    EXPECT_TRUE(product.isApprox(MatrixXd::Identity(n, n), 1e-9)) << n;
    EXPECT_EQ(process.precision, process.precision.transpose()) << n;
  }
}

/// Moved up or down by a fifth, no variance explains the targets better by more than the prior can outweigh.
TEST(GroupProcess, NoOtherVarianceHasMoreEvidence) {
  const Drawn drawn(150, {0.5, 0.2}, 0.05, 3);
  const GroupProcess found = fit_group_process(drawn.kernels, drawn.targets, std::vector{0.3, 0.3});
  const auto evidence = [&](const GroupProcess& process) {
    const Eigen::LLT<MatrixXd> factors = covariance(process, drawn.kernels).llt();
    return -0.5 * drawn.targets.dot(factors.solve(drawn.targets)) - factors.matrixLLT().diagonal().array().log().sum();
  };
  const double best = evidence(found);
  for (const double factor : {0.8, 1.25}) {
    for (Index k = 0; k < 2; ++k) {
      GroupProcess other = found;
      other.variance[k] *= factor;
      EXPECT_LT(evidence(other), best + 0.1) << "kernel " << k << " × " << factor;
    }
    GroupProcess other = found;
    other.noise *= factor;
    EXPECT_LT(evidence(other), best + 0.1) << "noise × " << factor;
  }
}

TEST(GroupProcess, LeaveOneOutIsThePredictionFromTheOthers) {
  const Drawn drawn(12, {1.0, 0.3}, 0.1);
  const GroupProcess process = fit_group_process(drawn.kernels, drawn.targets, std::vector{0.3, 0.3});
  const MatrixXd full = covariance(process, drawn.kernels);
  const VectorXd said = process.leave_one_out(drawn.targets), variance = process.leave_one_out_variance();
  for (Index left = 0; left < 12; ++left) {
    std::vector<Index> kept;
    for (Index i = 0; i < 12; ++i) {
      if (i != left) kept.push_back(i);
    }
    const VectorXd to_kept = full(kept, left);
    const VectorXd weight = full(kept, kept).llt().solve(to_kept);
    EXPECT_NEAR(said[left], weight.dot(VectorXd(drawn.targets(kept))), 1e-9);
    EXPECT_NEAR(variance[left], full(left, left) - weight.dot(to_kept), 1e-9);
  }
}

TEST(GroupProcess, HardlyBelievesAnOutlier) {
  Drawn drawn(30, {1.0, 0.0}, 0.001);
  drawn.targets[7] += 5;
  const GroupProcess process = fit_group_process(drawn.kernels, drawn.targets, std::vector{0.3, 0.3});
  EXPECT_LT(process.trust[7], 0.1);
  EXPECT_GT(process.trust.sum(), 0.5 * 29);
}

TEST(GroupProcess, SamplesWithoutNoiseStayFactorable) {
  const Drawn drawn(60, {1.0, 0.0}, 0.0);
  const GroupProcess process = fit_group_process(drawn.kernels, drawn.targets, std::vector{0.3, 0.3});
  EXPECT_GT(process.noise, 0);
  EXPECT_TRUE(process.precision.allFinite());
  EXPECT_LT((process.leave_one_out(drawn.targets) - drawn.targets).norm() / drawn.targets.norm(), 0.1);
}

/// Karush, Kuhn and Tucker: where b > 0 the objective is flat, where b = 0 it rises.
TEST(NonNegative, FulfilsTheConditionsOfAMinimum) {
  Rng rng(2);
  const MatrixXd features = normal(15, 8, rng), root = normal(15, 15, rng);
  const MatrixXd precision = root * root.transpose() + MatrixXd::Identity(15, 15);
  const VectorXd targets = normal(15, 1, rng);
  constexpr double kPenalty = 0.7;
  const NonNegative fit = fit_non_negative(features, targets, precision, kPenalty);
  const VectorXd weighted = precision * (targets - features * fit.b - VectorXd::Constant(15, fit.constant));
  EXPECT_NEAR(weighted.sum(), 0, 1e-4);  // of the constant, which may have any sign
  const VectorXd slope = features.transpose() * weighted - kPenalty * fit.b;
  std::size_t zeros = 0;
  for (Index j = 0; j < fit.b.size(); ++j) {
    EXPECT_GE(fit.b[j], 0);
    EXPECT_LE(slope[j], 1e-3) << j;
    if (fit.b[j] > 0) {
      EXPECT_GE(slope[j], -1e-3) << j;
    } else {
      ++zeros;
    }
  }
  EXPECT_GT(zeros, 0U);
  EXPECT_LT(zeros, 8U);
}

/// Mean variance over all candidates after samples of some of them, by the textbook formula.
double mean_variance(const MatrixXd& roots, double noise, const std::vector<std::size_t>& samples) {
  std::vector<Index> rows(samples.begin(), samples.end());
  const MatrixXd seen = roots(rows, Eigen::all);
  MatrixXd posterior = seen.transpose() * seen / noise;
  posterior.diagonal().array() += 1;
  const MatrixXd weights = posterior.inverse();
  return (roots * weights).cwiseProduct(roots).sum() / static_cast<double>(roots.rows());
}

TEST(GreedyDesign, TakesTheCandidateThatLowersTheMeanVarianceMost) {
  Rng rng(4);
  const MatrixXd roots = normal(40, 6, rng);
  constexpr double kNoise = 0.3;
  const std::vector<std::size_t> known = {3, 9};
  const std::vector<std::size_t> chosen = greedy_design(roots, kNoise, known, 8);
  ASSERT_EQ(chosen.size(), 8U);
  std::vector<std::size_t> so_far = known;
  for (const std::size_t choice : chosen) {
    std::vector<std::size_t> with = so_far;
    with.push_back(choice);
    const double achieved = mean_variance(roots, kNoise, with);
    for (std::size_t other = 0; other < 40; ++other) {
      if (std::find(so_far.begin(), so_far.end(), other) != so_far.end()) continue;
      with.back() = other;
      EXPECT_GE(mean_variance(roots, kNoise, with), achieved - 1e-12) << other;
    }
    EXPECT_EQ(std::count(so_far.begin(), so_far.end(), choice), 0);
    so_far.push_back(choice);
  }
}

TEST(GreedyDesign, EndsWhereNothingIsLeftAndTakesTheFirstOfEquals) {
  const MatrixXd roots = MatrixXd::Ones(5, 2);
  EXPECT_EQ(greedy_design(roots, 0.1, std::vector<std::size_t>{1}, 9), (std::vector<std::size_t>{0, 2, 3, 4}));
}

}  // namespace
}  // namespace naslat
