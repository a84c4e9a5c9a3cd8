#include "predictor/additive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "configs/errors.hpp"
#include "predictor/additive_members.hpp"
#include "predictor/block_costs.hpp"
#include "predictor/design.hpp"
#include "predictor/tasks.hpp"

namespace naslat {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Group = AdditiveFeatures::Group;
using Groups = AdditiveFeatures::Groups;

constexpr double kDesignVariance = 0.2, kDesignTypical = 1, kDesignNoise = 0.5;
constexpr Index kLeastSamples = 4;

/// Variances were fitted to samples left out, too, the more freely the fewer there are. Frozen on source and validation
/// devices of the published tables with 4 to 50 samples, chosen and drawn.
double optimism(Index samples) { return 1.15 + 2 / static_cast<double>(samples); }

/// Half-width of Student's 90% interval over that of the normal one (Cornish and Fisher's first two terms).
double student_over_normal(Index samples) {
  constexpr double kSquare = kNinetyPercent * kNinetyPercent;
  const auto freedom = static_cast<double>(samples - 1);
  return 1 + (kSquare + 1) / (4 * freedom) + ((5 * kSquare + 16) * kSquare + 3) / (96 * freedom * freedom);
}

/// What holds 9 in 10 of such errors: with many samples, that many of those left out tell it themselves, whatever the
/// errors' distribution (Vovk, Gammerman and Shafer 2005: jackknife). 0 where there are few.
double ninth_decile(const Eigen::ArrayXd& errors) {
  constexpr Index kMany = 80;
  if (errors.size() < kMany) return 0;
  std::vector<double> sizes(static_cast<std::size_t>(errors.size()));
  Eigen::ArrayXd::Map(sizes.data(), errors.size()) = errors.abs();
  const auto place = static_cast<std::ptrdiff_t>(std::ceil(0.9 * static_cast<double>(errors.size() + 1))) - 1;
  std::nth_element(sizes.begin(), sizes.begin() + place, sizes.end());
  return sizes[static_cast<std::size_t>(place)];
}

class AdditiveEstimator final : public Estimator {
 public:
  std::shared_ptr<const AdditiveFeatures> features;
  MatrixXd device_costs;
  std::optional<BlockCosts> block_costs;  ///< one more figure, where blocks were timed
  Member mean;
  double offset_s = 0, unit_s = 1;  ///< latency = offset + unit · (what the mean says)
  double floor_s = 0;               ///< scale on which predictions bend to stay positive
  VectorXd root_variance;           ///< per feature, of the process's prior
  MatrixXd sample_roots;            ///< samples × features, times root_variance
  MatrixXd precision;
  double noise = 0, calibration = 1;

  [[nodiscard]] std::vector<double> predict_s(std::span<const Encoding> architectures) const override {
    const Index columns = features->columns();
    // What sources charge is linear in the features too, so one product serves.
    const VectorXd weight =
        mean.coefficients.head(columns) + device_costs * mean.coefficients.segment(columns, device_costs.cols());
    std::vector<double> latency_s(architectures.size());
    in_parts(architectures, [&](std::size_t first, const MatrixXd& part) {
      VectorXd said = part * weight;
      if (block_costs)
        said += mean.coefficients[mean.coefficients.size() - 1] * timed(architectures, first, part.rows());
      for (Index i = 0; i < said.size(); ++i) {
        latency_s[first + static_cast<std::size_t>(i)] = positive(offset_s + unit_s * (mean.constant + said[i]));
      }
    });
    return latency_s;
  }

  [[nodiscard]] std::vector<double> spread_s(std::span<const Encoding> architectures) const override {
    std::vector<double> spread_s(architectures.size());
    in_parts(architectures, [&](std::size_t first, const MatrixXd& part) {
      MatrixXd roots(part.rows(), root_variance.size());
      if (block_costs) {
        roots << part, part * device_costs, timed(architectures, first, part.rows());
      } else {
        roots << part, part * device_costs;
      }
      roots = roots * root_variance.asDiagonal();
      const MatrixXd covariance = (roots * sample_roots.transpose()).array() + kConstantVariance;
      const VectorXd known = (covariance * precision).cwiseProduct(covariance).rowwise().sum();
      for (Index i = 0; i < part.rows(); ++i) {
        const double variance = kConstantVariance + roots.row(i).squaredNorm() + noise - known[i];
        spread_s[first + static_cast<std::size_t>(i)] = calibration * unit_s * std::sqrt(std::max(variance, noise));
      }
    });
    return spread_s;
  }

  /// What the costs of blocks add up to, in units of the targets.
  [[nodiscard]] VectorXd timed(std::span<const Encoding> architectures, std::size_t first, Index count) const {
    VectorXd figure(count);
    for (Index i = 0; i < count; ++i) {
      figure[i] = (block_costs->latency_s(architectures[first + static_cast<std::size_t>(i)]) - offset_s) / unit_s;
    }
    return figure;
  }

 private:
  template <typename Use>
  void in_parts(std::span<const Encoding> architectures, const Use& use) const {
    constexpr std::size_t kPart = 256;  // features of so many fit into a cache
    for (std::size_t first = 0; first < architectures.size(); first += kPart) {
      use(first, (*features)(architectures.subspan(first, std::min(kPart, architectures.size() - first))));
    }
  }
  /// Bends what would be below 0 towards it, keeping the order.
  [[nodiscard]] double positive(double said_s) const {
    const double x = said_s / floor_s;
    return x > 30 ? said_s : floor_s * std::log1p(std::exp(x));
  }
};

/// What a device charges for each figure: ridge regression with Student-t weights over all its latencies.
VectorXd costs_of(const MatrixXd& features, const DeviceTask& device) {
  constexpr std::size_t kAboutRows = 5000;
  std::vector<Index> rows;
  const std::size_t stride = std::max<std::size_t>(1, device.latency_s.size() / kAboutRows);
  for (std::size_t i = 0; i < device.latency_s.size(); i += stride) {
    if (std::isfinite(device.latency_s[i])) rows.push_back(static_cast<Index>(i));
  }
  if (rows.size() < 2)
    throw DataError(fmt::format("{}: got {} latencies, wanted at least 2", device.device, rows.size()));
  const MatrixXd x = features(rows, Eigen::all);
  VectorXd y(x.rows());
  for (Index i = 0; i < y.size(); ++i)
    y[i] = device.latency_s[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])];
  y.array() -= y.mean();
  y /= std::sqrt(y.squaredNorm() / static_cast<double>(y.size()));

  VectorXd trust = VectorXd::Ones(y.size()), costs;
  for (int round = 0; round < 4; ++round) {
    const MatrixXd weighted = trust.asDiagonal() * x;
    MatrixXd quadratic = MatrixXd::Identity(x.cols(), x.cols()) * (1e-3 * static_cast<double>(x.rows()));
    quadratic.noalias() += x.transpose() * weighted;
    costs = quadratic.llt().solve(weighted.transpose() * (y.array() - trust.dot(y) / trust.sum()).matrix());
    VectorXd residual = y - x * costs;
    std::vector<double> sizes(static_cast<std::size_t>(residual.size()));
    VectorXd::Map(sizes.data(), residual.size()) = residual.cwiseAbs();
    std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2), sizes.end());
    const double spread = 1.4826 * sizes[sizes.size() / 2] + 1e-9;  // of a normal distribution with that median
    trust = 5 / (4 + (residual / spread).array().square());
  }
  return costs;
}

/// Prior standard deviation that each figure adds per unit. @param variance per group
VectorXd root_variance(const Groups& groups, const VectorXd& variance, Index columns) {
  VectorXd root = VectorXd::Zero(columns);
  for (std::size_t k = 0; k < groups.size(); ++k) {
    root.segment(groups[k].first, groups[k].count)
        .setConstant(std::sqrt(variance[static_cast<Index>(k)] / static_cast<double>(groups[k].count)));
  }
  return root;
}

/// Rows whose products are prior covariances.
MatrixXd roots_of(const MatrixXd& features, const VectorXd& root_variance) {
  MatrixXd roots(features.rows(), features.cols() + 1);
  roots << features * root_variance.asDiagonal(), VectorXd::Constant(features.rows(), std::sqrt(kConstantVariance));
  return roots;
}

}  // namespace

void AdditivePredictor::meta_train(const SourcePool& pool, const TrainingObserver&) {
  features_ = std::make_shared<const AdditiveFeatures>(pool.encodings);
  const MatrixXd features = (*features_)(pool.encodings);
  std::vector<VectorXd> costs;
  devices_.clear();
  for (const auto& devices : {pool.train, pool.validate}) {
    for (const DeviceTask& device : devices) costs.push_back(costs_of(features, device));
  }
  const Index first = features_->columns();
  if (!costs.empty()) devices_.push_back({"sources", first, static_cast<Index>(costs.size()), Group::Kind::sources});
  for (const Group& group : features_->groups()) {
    if (group.kind != Group::Kind::totals) continue;
    devices_.push_back({"typical", first + static_cast<Index>(costs.size()), 1, Group::Kind::typical, group.execution});
    costs.push_back(features_->typical_costs(group));
  }
  if (!costs.empty()) devices_.push_back({"mixture", first, std::ssize(costs), Group::Kind::mixture, {}, true});
  device_costs_.resize(first, std::ssize(costs));
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const double spread = std::sqrt((features * costs[i]).squaredNorm() / static_cast<double>(features.rows()));
    device_costs_.col(static_cast<Index>(i)) = spread > 0 ? VectorXd(costs[i] / spread) : costs[i];
  }
}

/// Figures of the architectures and, in terms of these, what known devices charge for them.
MatrixXd AdditivePredictor::figures(std::span<const Encoding> architectures) const {
  if (!features_) throw DataError("additive: meta_train() comes first, with or without source devices");
  const MatrixXd own = (*features_)(architectures);
  MatrixXd all(own.rows(), own.cols() + device_costs_.cols());
  all << own, own * device_costs_;
  return all;
}

/// The groups that explain a device. Of the executions, the last that differs from those before stands for all after.
Groups AdditivePredictor::groups(std::optional<GraphMode> mode) const {
  Groups groups = features_->groups();
  groups.insert(groups.end(), devices_.begin(), devices_.end());
  if (!mode) return groups;
  const auto of_execution = [](const Group& group) {
    return group.kind == Group::Kind::work || group.kind == Group::Kind::totals || group.kind == Group::Kind::typical;
  };
  Execution last{};
  for (const Group& group : groups) {
    if (of_execution(group) && group.execution <= execution_of(*mode)) last = std::max(last, group.execution);
  }
  std::erase_if(groups, [&](const Group& group) { return of_execution(group) && group.execution != last; });
  return groups;
}

namespace {

/// Samples in units in which their mean is 0 and their deviation 1.
struct Standardised {
  double offset_s, unit_s;
  VectorXd targets;

  explicit Standardised(const std::vector<double>& samples_s) {
    const auto latency_s = VectorXd::Map(samples_s.data(), static_cast<Index>(samples_s.size())).array();
    offset_s = latency_s.mean();
    const double deviation_s = std::sqrt((latency_s - offset_s).square().mean());
    unit_s = deviation_s > 0 ? deviation_s : offset_s;
    targets = (latency_s - offset_s) / unit_s;
  }
};

/// The costs of blocks that were timed, one more figure; each sample's without its own times.
VectorXd left_out_block_costs(const Samples& support, const Standardised& samples) {
  VectorXd figure(samples.targets.size());
  for (std::size_t i = 0; i < support.x.size(); ++i) {
    figure[static_cast<Index>(i)] =
        (BlockCosts(support, i).latency_s(support.x[i]) - samples.offset_s) / samples.unit_s;
  }
  return figure;
}

}  // namespace

std::unique_ptr<Estimator> AdditivePredictor::adapt(const HardwareEmbedding&, const Samples& support,
                                                    const TargetScale&, Rng&) const {
  const auto n = static_cast<Index>(support.x.size());
  if (n < kLeastSamples) throw DataError(fmt::format("additive: got {} samples, wanted at least {}", n, kLeastSamples));
  const Standardised samples(support.latency_s);
  MatrixXd features = figures(support.x);
  Groups every = this->groups(support.facts.mode);
  const bool timed = BlockCosts::timed(support) >= kLeastSamples;
  if (timed) {
    every.push_back({"timed blocks", features.cols(), 1, Group::Kind::timed, {}, true});
    features.conservativeResize(Eigen::NoChange, features.cols() + 1);
    features.rightCols<1>() = left_out_block_costs(support, samples);
  }
  const VectorXd& targets = samples.targets;
  const auto [process, mean] = fit_members(features, targets, every, threads_);

  auto estimator = std::make_unique<AdditiveEstimator>();
  estimator->features = features_;
  estimator->device_costs = device_costs_;
  if (timed) estimator->block_costs.emplace(support);
  estimator->mean = mean;
  estimator->offset_s = samples.offset_s;
  estimator->unit_s = samples.unit_s;
  estimator->floor_s = 0.02 * samples.offset_s;
  estimator->root_variance = root_variance(in_detail(every), process.variance, features.cols());
  estimator->sample_roots = features * estimator->root_variance.asDiagonal();
  estimator->precision = process.precision;
  estimator->noise = process.noise;
  const VectorXd expected = process.leave_one_out_variance();
  const Eigen::ArrayXd error = (estimator->mean.left_out - targets).array();
  const Eigen::ArrayXd surprise = error.square() / expected.array();
  estimator->calibration = optimism(n) * std::sqrt(surprise.min(9).mean()) * student_over_normal(n);
  // Of a new network nobody knows that it is one of those that are trusted less.
  const Eigen::ArrayXd of_new = expected.array() - process.noise / process.trust.array() + process.noise;
  estimator->calibration =
      std::max(estimator->calibration, ninth_decile(error / of_new.max(process.noise).sqrt()) / kNinetyPercent);
  return estimator;
}

std::vector<std::size_t> AdditivePredictor::next(std::span<const Encoding> candidates, const Samples& known,
                                                 std::size_t count) const {
  const MatrixXd of_candidates = figures(candidates), of_known = figures(known.x);
  MatrixXd features(of_candidates.rows() + of_known.rows(), of_candidates.cols());
  features << of_candidates, of_known;
  std::vector<std::size_t> seen(known.x.size());
  std::iota(seen.begin(), seen.end(), candidates.size());

  const Groups groups = in_detail(this->groups(known.facts.mode));
  VectorXd variance(static_cast<Index>(groups.size()));
  for (std::size_t k = 0; k < groups.size(); ++k) {
    variance[static_cast<Index>(k)] = groups[k].kind == Group::Kind::typical ? kDesignTypical : kDesignVariance;
  }
  double noise = kDesignNoise;
  if (of_known.rows() >= kLeastSamples) {
    const GroupProcess process = process_of(of_known, Standardised(known.latency_s).targets, groups);
    variance = process.variance;
    noise = process.noise;
  }
  return greedy_design(roots_of(features, root_variance(groups, variance, features.cols())), noise, seen, count);
}

}  // namespace naslat
