#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "configs/errors.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

/// One number per architecture, in their order.
using ArchitectureFigure = std::function<std::vector<double>(std::span<const Architecture>)>;

/// The most score within a limit of latency. Both are asked for in batches, of each architecture once.
struct SearchProblem {
  const SearchSpace& space;
  ArchitectureFigure score;  ///< more is better; NaN where it is missing: such a network is never chosen
  ArchitectureFigure latency_s;
  double limit_s = std::numeric_limits<double>::infinity();
};

/// A network that was evaluated.
struct Candidate {
  Architecture architecture;
  double latency_s = 0, score = std::numeric_limits<double>::quiet_NaN();  ///< not asked for beyond the limit

  [[nodiscard]] bool eligible() const { return !std::isnan(score); }
  bool operator==(const Candidate&) const = default;
};

/// Told now and then: how much of the search is done, 0..1, and how many networks were evaluated.
using SearchObserver = std::function<void(double done, std::size_t evaluated)>;

/// @throws Interrupted
[[nodiscard]] std::vector<Candidate> evaluate(const SearchProblem& problem,
                                              std::span<const Architecture> architectures);

/// All of them. @param architectures different ones
/// @throws DataError if none is eligible; Interrupted
[[nodiscard]] std::vector<Candidate> search_all(const SearchProblem& problem,
                                                std::span<const Architecture> architectures,
                                                const SearchObserver& observe);

/// Why none of the evaluated networks is eligible: the limit, and the least latency among them; or missing scores.
[[nodiscard]] DataError impossible(const SearchProblem& problem, std::span<const Candidate> evaluated);

/// Better ones first: more score, then less latency.
[[nodiscard]] bool better(const Candidate& a, const Candidate& b);
/// The best eligible ones, best first.
[[nodiscard]] std::vector<Candidate> best(std::vector<Candidate> evaluated, std::size_t count);
/// The eligible ones that no other beats in latency or score without losing in the other, fastest first; of equal ones
/// the first.
[[nodiscard]] std::vector<Candidate> pareto_front(std::vector<Candidate> evaluated);
/// As many as there are places: the front, then that of the others, and so on (Deb et al. 2002: NSGA-II's sorting). Of
/// the last one some, evenly from the fastest to the best.
[[nodiscard]] std::vector<Candidate> spread_over_fronts(std::vector<Candidate> evaluated, std::size_t places);

}  // namespace naslat
