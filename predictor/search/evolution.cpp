#include "predictor/search/evolution.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace naslat {

namespace {

constexpr int kMostRounds = 20;  // of drawing again

class Evolution {
 public:
  Evolution(const SearchProblem& problem, const EvolutionOptions& options)
      : problem_(problem),
        options_(options),
        parents_(std::max<std::size_t>(1, share(options.parent_ratio))),
        mutated_(share(options.mutation_ratio)),
        rng_(options.seed) {}

  std::vector<Candidate> run(const SearchObserver& observe) && {
    found_first_population();
    for (int generation = 1; generation <= options_.generations; ++generation) {
      population_ = options_.pareto ? spread_over_fronts(std::move(population_), parents_)
                                    : best(std::move(population_), parents_);
      const std::vector<Candidate> parents = population_;
      std::size_t born = breed(mutated_, [&] { return mutated(parents); });
      born += breed(options_.population - mutated_, [&] { return crossed(parents); });
      if (born == 0) break;
      observe(static_cast<double>(generation) / options_.generations, evaluated_.size());
    }
    return std::move(evaluated_);
  }

 private:
  void found_first_population() {
    std::size_t missing =
        options_.population - breed(options_.population, [&] { return sample(problem_.space, rng_); });
    double least_s = std::numeric_limits<double>::infinity();
    for (int idle = 0; missing > 0 && idle < kMostRounds; ++idle) {
      const std::vector<Candidate> fastest = fastest_ones();
      const std::size_t born = draw(missing, [&] { return mutated(fastest); });
      if (born > 0 || fastest[0].latency_s < least_s) idle = 0;
      least_s = fastest[0].latency_s;
      missing -= born;
    }
    if (population_.empty()) throw impossible(problem_, evaluated_);
  }

  /// Draws as many networks and evaluates those never seen before. @returns how many joined the population
  template <typename Draw>
  std::size_t draw(std::size_t count, const Draw& one) {
    std::vector<Architecture> unseen;
    for (std::size_t i = 0; i < count; ++i) {
      Architecture drawn = one();
      if (seen_.insert(drawn).second) unseen.push_back(std::move(drawn));
    }
    std::size_t born = 0;
    for (Candidate& candidate : evaluate(problem_, unseen)) {
      evaluated_.push_back(candidate);
      if (!candidate.eligible()) continue;
      population_.push_back(std::move(candidate));
      ++born;
    }
    return born;
  }

  /// Draws again what did not join, a bounded number of times. @returns how many did
  template <typename Draw>
  std::size_t breed(std::size_t count, const Draw& one) {
    std::size_t born = 0;
    for (int round = 0; born < count && round < kMostRounds; ++round) born += draw(count - born, one);
    return born;
  }

  Architecture mutated(const std::vector<Candidate>& parents) {
    const Architecture& parent = parents[rng_.below(parents.size())].architecture;
    return mutate(problem_.space, parent, options_.mutation_probability, rng_);
  }

  Architecture crossed(const std::vector<Candidate>& parents) {
    const Architecture& a = parents[rng_.below(parents.size())].architecture;
    const Architecture& b = parents[rng_.below(parents.size())].architecture;
    return crossover(problem_.space, a, b, rng_);
  }

  [[nodiscard]] std::vector<Candidate> fastest_ones() const {
    std::vector<Candidate> fastest(std::min(parents_, evaluated_.size()));
    std::ranges::partial_sort_copy(evaluated_, fastest, {}, &Candidate::latency_s, &Candidate::latency_s);
    return fastest;
  }

  [[nodiscard]] std::size_t share(double ratio) const {
    return static_cast<std::size_t>(std::lround(ratio * static_cast<double>(options_.population)));
  }

  const SearchProblem& problem_;
  EvolutionOptions options_;
  std::size_t parents_, mutated_;
  Rng rng_;
  std::set<Architecture> seen_;
  std::vector<Candidate> evaluated_, population_;
};

}  // namespace

std::vector<Candidate> evolve(const SearchProblem& problem, const EvolutionOptions& options,
                              const SearchObserver& observe) {
  return Evolution(problem, options).run(observe);
}

}  // namespace naslat
