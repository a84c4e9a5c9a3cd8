#include "predictor/additive_features.hpp"

#include <algorithm>
#include <numeric>

#include "configs/errors.hpp"

namespace naslat {

namespace {

constexpr std::array<const char*, kExecutions.size()> kWorkGroups = {"work written", "work needed", "work live"};
constexpr std::array<const char*, kExecutions.size()> kTotalsGroups = {"totals written", "totals needed",
                                                                       "totals live"};

// Of what differs between networks, how much a processor spends on arithmetic, moving elements, launches and weights,
// in the order of work_totals(). The CPUs and phones among FBNet's source and validation devices spend .43, .03, .21,
// .25 on average; more for elements leaves their ranks as they are and suits GPUs better.
constexpr std::array kTypicalShares = {2.0, 0.5, 1.0, 1.0};

template <typename Figure>
bool differs(std::span<const Encoding> encodings, const Figure& figure) {
  return std::any_of(encodings.begin(), encodings.end(),
                     [&](const Encoding& e) { return figure(e) != figure(encodings.front()); });
}

}  // namespace

AdditiveFeatures::AdditiveFeatures(std::span<const Encoding> typical) {
  if (typical.empty() || typical.front().work.sums[0].empty()) {
    throw DataError("additive: architectures came without the work of their networks");
  }
  find_sums(typical);
  Eigen::Index first = raw_columns_;
  for (const auto& [list, columns, name] :
       {std::tuple(&Work::kinds, &Sources::kinds, "kinds"), std::tuple(&Work::blocks, &Sources::blocks, "blocks")}) {
    std::map<std::uint64_t, Eigen::Index>& by_hash = sources_.*columns;
    for (const Encoding& e : typical) {
      for (const auto& [hash, count] : e.work.*list) by_hash.try_emplace(hash, 0);
    }
    for (auto& [hash, column] : by_hash) column = raw_columns_++;
    close_group(name, first);
    if (columns == &Sources::kinds && raw_columns_ > first) groups_.back().non_negative = true;
    first = raw_columns_;
  }
  for (std::size_t i = 0; i < typical.front().x.size(); ++i) {
    if (differs(typical, [i](const Encoding& e) { return e.x[i]; })) sources_.encoding.push_back(i);
  }
  raw_columns_ += static_cast<Eigen::Index>(sources_.encoding.size());
  close_group("encoding", first);

  mean_ = Eigen::RowVectorXd::Zero(raw_columns_);
  scale_ = Eigen::RowVectorXd::Ones(raw_columns_);
  const Eigen::MatrixXd raw = (*this)(typical);
  mean_ = raw.colwise().mean();
  const Eigen::RowVectorXd variance = (raw.rowwise() - mean_).array().square().colwise().mean();
  for (const Group& group : groups_) {
    const bool by_column = group.non_negative;  // else rare options would count as much as common ones
    const double shared = variance.segment(group.first, group.count).mean();
    for (Eigen::Index c = group.first; c < group.first + group.count; ++c) {
      const double own = by_column ? variance[c] : shared;
      scale_[c] = own > 0 ? 1 / std::sqrt(own) : 0;
    }
  }
}

void AdditiveFeatures::find_sums(std::span<const Encoding> typical) {
  const std::span<const std::size_t> totals = work_totals(), repeating = totals.first(totals.size() - 1);
  std::vector<std::size_t> figures(typical.front().work.sums[0].size());
  std::iota(figures.begin(), figures.end(), std::size_t{0});
  std::erase_if(figures,
                [&](std::size_t i) { return std::find(repeating.begin(), repeating.end(), i) != repeating.end(); });
  for (std::size_t x = 0; x < kExecutions.size(); ++x) {
    const bool like_the_last = x > 0 && std::all_of(typical.begin(), typical.end(), [x](const Encoding& e) {
                                 return e.work.sums[x] == e.work.sums[x - 1];
                               });
    if (like_the_last) continue;
    add_sums(typical, x, Group::Kind::work, figures);
    add_sums(typical, x, Group::Kind::totals, totals);
  }
}

void AdditiveFeatures::add_sums(std::span<const Encoding> typical, std::size_t execution, Group::Kind kind,
                                std::span<const std::size_t> figures) {
  const Eigen::Index first = raw_columns_;
  for (const std::size_t i : figures) {
    if (!differs(typical, [&](const Encoding& e) { return e.work.sums[execution][i]; })) continue;
    sources_.sums.emplace_back(execution, i);
    ++raw_columns_;
  }
  if (raw_columns_ == first) return;
  close_group((kind == Group::Kind::work ? kWorkGroups : kTotalsGroups)[execution], first);
  groups_.back().kind = kind;
  groups_.back().execution = kExecutions[execution];
  groups_.back().non_negative = true;
}

void AdditiveFeatures::close_group(const char* name, Eigen::Index first) {
  if (raw_columns_ > first) groups_.push_back({name, first, raw_columns_ - first});
}

Eigen::VectorXd AdditiveFeatures::typical_costs(const Group& totals) const {
  Eigen::VectorXd costs = Eigen::VectorXd::Zero(columns());
  for (Eigen::Index c = totals.first; c < totals.first + totals.count; ++c) {
    const std::size_t figure = sources_.sums[static_cast<std::size_t>(c)].second;
    const auto position = std::find(work_totals().begin(), work_totals().end(), figure) - work_totals().begin();
    costs[c] = kTypicalShares.at(static_cast<std::size_t>(position));
  }
  return costs;
}

void AdditiveFeatures::write_raw(const Encoding& e, Eigen::Ref<Eigen::RowVectorXd> row) const {
  row.setZero();
  Eigen::Index column = 0;
  for (const auto& [execution, i] : sources_.sums) row[column++] = e.work.sums[execution][i];
  for (const auto& [counts, columns] :
       {std::pair(&e.work.kinds, &sources_.kinds), std::pair(&e.work.blocks, &sources_.blocks)}) {
    for (const auto& [hash, count] : *counts) {
      if (const auto known = columns->find(hash); known != columns->end()) row[known->second] = count;
    }
  }
  column = raw_columns_ - static_cast<Eigen::Index>(sources_.encoding.size());
  for (const std::size_t i : sources_.encoding) row[column++] = e.x[i];
}

Eigen::MatrixXd AdditiveFeatures::operator()(std::span<const Encoding> architectures) const {
  Eigen::MatrixXd features(static_cast<Eigen::Index>(architectures.size()), raw_columns_);
  Eigen::RowVectorXd row(raw_columns_);
  for (std::size_t i = 0; i < architectures.size(); ++i) {
    write_raw(architectures[i], row);
    features.row(static_cast<Eigen::Index>(i)) = (row - mean_).cwiseProduct(scale_);
  }
  return features;
}

}  // namespace naslat
