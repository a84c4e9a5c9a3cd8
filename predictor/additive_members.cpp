#include "predictor/additive_members.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <utility>
#include <vector>

#include "predictor/parallel.hpp"

namespace naslat {

namespace {

using Group = AdditiveFeatures::Group;
using Groups = AdditiveFeatures::Groups;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Medians of the prior variances of the groups, in units of the samples' variance: frozen on source and validation
// devices of the published tables, see configs/nasflat.toml.
constexpr double kPriorWork = 0.05, kPriorCounts = 0.01, kPriorSources = 0.05, kPriorTypical = 0.6, kPriorTimed = 1;
constexpr double kPriorOnlyWork = 0.3;

double prior_of(Group::Kind kind) {
  switch (kind) {
    case Group::Kind::counts:
      return kPriorCounts;
    case Group::Kind::sources:
      return kPriorSources;
    case Group::Kind::typical:
      return kPriorTypical;
    case Group::Kind::timed:
      return kPriorTimed;
    case Group::Kind::work:
    case Group::Kind::totals:
    case Group::Kind::mixture:
      break;
  }
  return kPriorWork;
}

MatrixXd kernel(const MatrixXd& features, const Group& group) {
  const auto columns = features.middleCols(group.first, group.count);
  return columns * columns.transpose() / static_cast<double>(group.count);
}

std::vector<MatrixXd> kernels_of(const MatrixXd& features, const Groups& groups) {
  std::vector<MatrixXd> kernels;
  for (const Group& group : groups) kernels.push_back(kernel(features, group));
  return kernels;
}

Member all_groups(const MatrixXd& features, const VectorXd& targets, const Groups& groups,
                  const GroupProcess& process) {
  Member member{VectorXd::Zero(features.cols()), process.constant(), process.leave_one_out(targets)};
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const double weight = process.variance[static_cast<Eigen::Index>(k)] / static_cast<double>(groups[k].count);
    member.coefficients.segment(groups[k].first, groups[k].count) =
        weight * features.middleCols(groups[k].first, groups[k].count).transpose() * process.alpha;
  }
  return member;
}

/// Costs of one execution's physical sums, or shares of known devices, none of them negative; what is left is noise, or
/// (second member) explained by counts.
std::array<Member, 2> non_negative_costs(const MatrixXd& features, const VectorXd& targets, const Groups& groups,
                                         const Group& physical) {
  Groups used{physical};
  std::vector<double> prior{kPriorOnlyWork};
  for (const auto& group : groups) {
    if (group.kind != Group::Kind::counts || group.name == physical.name) continue;
    used.push_back(group);
    prior.push_back(kPriorCounts);
  }
  const std::vector<MatrixXd> kernels = kernels_of(features, used);
  const GroupProcess process = fit_group_process(kernels, targets, prior);

  const Eigen::Index n = targets.size();
  MatrixXd counts = MatrixXd::Zero(n, n);
  for (std::size_t k = 1; k < used.size(); ++k) counts += process.variance[static_cast<Eigen::Index>(k)] * kernels[k];
  MatrixXd covariance = counts;
  covariance.diagonal().array() += process.noise / process.trust.array();
  const MatrixXd sums = features.middleCols(physical.first, physical.count);
  const double penalty = static_cast<double>(physical.count) / process.variance[0];

  const MatrixXd precision = covariance.inverse();
  const NonNegative fit = fit_non_negative(sums, targets, precision, penalty);
  Member plain{VectorXd::Zero(features.cols()), fit.constant, VectorXd(n)}, corrected = plain;
  plain.coefficients.segment(physical.first, physical.count) = fit.b;
  corrected.coefficients = plain.coefficients;
  const VectorXd alpha = precision * (targets - sums * fit.b - VectorXd::Constant(n, fit.constant));
  for (std::size_t k = 1; k < used.size(); ++k) {
    const double weight = process.variance[static_cast<Eigen::Index>(k)] / static_cast<double>(used[k].count);
    corrected.coefficients.segment(used[k].first, used[k].count) +=
        weight * features.middleCols(used[k].first, used[k].count).transpose() * alpha;
  }

  // Each sample from the others; of many samples, a tenth at a time.
  const Eigen::Index folds = n <= 40 ? n : 10;
  for (Eigen::Index fold = 0; fold < folds; ++fold) {
    std::vector<Eigen::Index> kept, left;
    for (Eigen::Index i = 0; i < n; ++i) (i % folds == fold ? left : kept).push_back(i);
    const MatrixXd inner = covariance(kept, kept).inverse();
    const MatrixXd kept_sums = sums(kept, Eigen::all);
    const NonNegative part = fit_non_negative(kept_sums, targets(kept), inner, penalty, fit.b);
    const VectorXd residual =
        targets(kept) - kept_sums * part.b - VectorXd::Constant(static_cast<Eigen::Index>(kept.size()), part.constant);
    const MatrixXd left_sums = sums(left, Eigen::all), shared = counts(left, kept);
    const VectorXd said = (left_sums * part.b).array() + part.constant;
    plain.left_out(left) = said;
    corrected.left_out(left) = said + shared * inner * residual;
  }
  return {plain, corrected};
}

/// Average of the members, weighted by the inverse square of their mean squared error on samples left out; an outlier
/// counts as two spreads. What it says of a sample left out knows nothing of that sample's errors either.
Member averaged(const std::vector<Member>& members, const VectorXd& targets) {
  const Eigen::Index n = targets.size(), count = std::ssize(members);
  MatrixXd left_out(n, count), coefficients(members[0].coefficients.size(), count);
  VectorXd constants(count);
  for (Eigen::Index m = 0; m < count; ++m) {
    const Member& member = members[static_cast<std::size_t>(m)];
    left_out.col(m) = member.left_out;
    coefficients.col(m) = member.coefficients;
    constants[m] = member.constant;
  }
  const MatrixXd error = (left_out.colwise() - targets).cwiseAbs().cwiseMin(2).cwiseAbs2();
  const Eigen::RowVectorXd sum = error.colwise().sum();
  const auto weights = [](const Eigen::RowVectorXd& squared_error) {
    const Eigen::RowVectorXd weight = (squared_error.array() + 1e-12).square().inverse();
    return VectorXd(weight.transpose() / weight.sum());
  };
  const VectorXd weight = weights(sum);
  Member mean{coefficients * weight, constants.dot(weight), VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) mean.left_out[i] = left_out.row(i).dot(weights(sum - error.row(i)));
  return mean;
}

Groups without(Groups groups, std::initializer_list<Group::Kind> kinds) {
  std::erase_if(groups,
                [&](const Group& group) { return std::find(kinds.begin(), kinds.end(), group.kind) != kinds.end(); });
  return groups;
}

/// All that few noisy samples can teach; and how far a device is like known ones.
Groups in_short(const Groups& groups) {
  return without(groups, {Group::Kind::work, Group::Kind::counts, Group::Kind::mixture});
}
Groups like_known(const Groups& groups) { return without(in_short(groups), {Group::Kind::totals}); }

}  // namespace

Groups in_detail(const Groups& groups) { return without(groups, {Group::Kind::totals, Group::Kind::mixture}); }

GroupProcess process_of(const MatrixXd& features, const VectorXd& targets, const Groups& groups) {
  std::vector<double> prior;
  for (const Group& group : groups) prior.push_back(prior_of(group.kind));
  return fit_group_process(kernels_of(features, groups), targets, prior);
}

FittedMembers fit_members(const MatrixXd& features, const VectorXd& targets, const Groups& groups, int threads) {
  const std::array processes = {in_detail(groups), in_short(groups), like_known(groups)};
  Groups physical;
  std::ranges::copy_if(groups, std::back_inserter(physical), &Group::non_negative);
  GroupProcess process;  // in detail
  std::vector<std::vector<Member>> fits(processes.size() + physical.size());
  parallel_for(fits.size(), threads, [&](std::size_t, std::size_t i) {
    if (i < processes.size()) {
      GroupProcess fitted = process_of(features, targets, processes[i]);
      fits[i].push_back(all_groups(features, targets, processes[i], fitted));
      if (i == 0) process = std::move(fitted);
    } else {
      const Group& group = physical[i - processes.size()];
      auto [plain, corrected] = non_negative_costs(features, targets, groups, group);
      fits[i].push_back(std::move(plain));
      if (group.kind != Group::Kind::totals) fits[i].push_back(std::move(corrected));
    }
  });
  std::vector<Member> members;
  for (std::vector<Member>& fit : fits) std::ranges::move(fit, std::back_inserter(members));
  return {std::move(process), averaged(members, targets)};
}

}  // namespace naslat
