#pragma once

#include <cstdint>
#include <vector>

#include "predictor/search/problem.hpp"

namespace naslat {

/// Once-for-All's (Cai et al., ICLR 2020), as HELP uses it.
struct EvolutionOptions {
  std::size_t population = 100;  ///< networks bred per generation
  int generations = 500;
  double parent_ratio = 0.25;         ///< of the population: the best so far, which live on
  double mutation_probability = 0.1;  ///< of each choice of a mutated parent
  double mutation_ratio = 0.5;        ///< of the population: mutated parents; the others are crossed
  std::uint64_t seed = 0;
  bool pareto = false;  ///< towards all of the front of latency and score, not its end: parents are spread over it
};

/// Constrained evolution: the first population and all children are within the limit, those that are not are drawn
/// again. Two bounds are ours: a child was never evaluated before, and the search ends early where no new one is found,
/// as in a small space; and if random networks hardly ever keep the limit, the first population is bred from the
/// fastest ones seen.
/// @returns all networks evaluated, each once @throws DataError if none is eligible; Interrupted
[[nodiscard]] std::vector<Candidate> evolve(const SearchProblem& problem, const EvolutionOptions& options,
                                            const SearchObserver& observe);

}  // namespace naslat
