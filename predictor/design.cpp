#include "predictor/design.hpp"

#include <algorithm>

namespace naslat {

std::vector<std::size_t> greedy_design(const Eigen::MatrixXd& roots, double noise, std::span<const std::size_t> known,
                                       std::size_t count) {
  // P is the weights' posterior covariance, 1 before any sample, and M the candidates' mean outer product. A sample of
  // row x lowers the candidates' mean variance by x P M P x' / (x P x' + noise), and P by rank one.
  constexpr double kTie = 1e-9;  // rounding does not decide between networks that teach the same: the first is taken
  Eigen::MatrixXd seen = roots,
                  useful = roots * (roots.transpose() * roots) / static_cast<double>(roots.rows());  // X P, X P M
  const auto learn = [&](Eigen::Index row) {
    const Eigen::RowVectorXd u = seen.row(row), v = useful.row(row);
    const Eigen::VectorXd share = roots * u.transpose() / (u.dot(roots.row(row)) + noise);
    seen -= share * u;
    useful -= share * v;
  };
  std::vector<bool> taken(static_cast<std::size_t>(roots.rows()));
  for (const std::size_t i : known) {
    learn(static_cast<Eigen::Index>(i));
    taken[i] = true;
  }
  std::vector<std::size_t> chosen;
  while (chosen.size() < std::min(count, taken.size() - known.size())) {
    const Eigen::VectorXd variance = seen.cwiseProduct(roots).rowwise().sum().array() + noise;
    Eigen::VectorXd gain = useful.cwiseProduct(seen).rowwise().sum().cwiseQuotient(variance);
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (taken[i]) gain[static_cast<Eigen::Index>(i)] = -1;
    }
    const double enough = gain.maxCoeff() * (1 - kTie);
    const auto best = static_cast<std::size_t>(
        std::find_if(gain.begin(), gain.end(), [enough](double g) { return g >= enough; }) - gain.begin());
    learn(static_cast<Eigen::Index>(best));
    taken[best] = true;
    chosen.push_back(best);
  }
  return chosen;
}

}  // namespace naslat
