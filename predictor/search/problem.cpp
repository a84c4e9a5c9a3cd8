#include "predictor/search/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "configs/interrupt.hpp"

namespace naslat {

std::vector<Candidate> evaluate(const SearchProblem& problem, std::span<const Architecture> architectures) {
  if (interrupted()) throw Interrupted{};
  if (architectures.empty()) return {};
  const std::vector<double> latency_s = problem.latency_s(architectures);
  std::vector<Candidate> candidates;
  std::vector<std::size_t> within;
  std::vector<Architecture> scored;
  for (std::size_t i = 0; i < architectures.size(); ++i) {
    candidates.push_back({architectures[i], latency_s.at(i)});
    if (!(latency_s[i] <= problem.limit_s)) continue;
    within.push_back(i);
    scored.push_back(architectures[i]);
  }
  if (scored.empty()) return candidates;
  const std::vector<double> scores = problem.score(scored);
  for (std::size_t k = 0; k < within.size(); ++k) candidates[within[k]].score = scores.at(k);
  return candidates;
}

std::vector<Candidate> search_all(const SearchProblem& problem, std::span<const Architecture> architectures,
                                  const SearchObserver& observe) {
  constexpr std::size_t kBatch = 1000;
  std::vector<Candidate> evaluated;
  while (evaluated.size() < architectures.size()) {
    const auto rest = architectures.subspan(evaluated.size());
    for (Candidate& candidate : evaluate(problem, rest.first(std::min(kBatch, rest.size())))) {
      evaluated.push_back(std::move(candidate));
    }
    observe(static_cast<double>(evaluated.size()) / static_cast<double>(architectures.size()), evaluated.size());
  }
  if (std::ranges::none_of(evaluated, &Candidate::eligible)) throw impossible(problem, evaluated);
  return evaluated;
}

DataError impossible(const SearchProblem& problem, std::span<const Candidate> evaluated) {
  double least_s = std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : evaluated) least_s = std::min(least_s, candidate.latency_s);
  if (least_s <= problem.limit_s) {
    return DataError(fmt::format("score: got none for the {} networks evaluated within the limit, wanted at least 1",
                                 std::ranges::count_if(evaluated, [&](const Candidate& candidate) {
                                   return candidate.latency_s <= problem.limit_s;
                                 })));
  }
  return DataError(fmt::format("limit: got {:.6g} ms, wanted {:.3f} ms or more: the least predicted of {} networks",
                               problem.limit_s * 1e3, std::ceil(least_s * 1e6) / 1e3, evaluated.size()));
}

bool better(const Candidate& a, const Candidate& b) {
  return std::tie(b.score, a.latency_s, a.architecture) < std::tie(a.score, b.latency_s, b.architecture);
}

std::vector<Candidate> best(std::vector<Candidate> evaluated, std::size_t count) {
  std::erase_if(evaluated, [](const Candidate& candidate) { return !candidate.eligible(); });
  std::ranges::sort(evaluated, better);
  if (evaluated.size() > count) evaluated.resize(count);
  return evaluated;
}

std::vector<Candidate> pareto_front(std::vector<Candidate> evaluated) {
  const std::size_t all = evaluated.size();
  std::vector<Candidate> front;  // by falling score: the next one has to be faster
  for (Candidate& candidate : best(std::move(evaluated), all)) {
    if (front.empty() || candidate.latency_s < front.back().latency_s) front.push_back(std::move(candidate));
  }
  std::ranges::reverse(front);
  return front;
}

std::vector<Candidate> spread_over_fronts(std::vector<Candidate> evaluated, std::size_t places) {
  std::vector<Candidate> kept;
  while (kept.size() < places) {
    const std::vector<Candidate> front = pareto_front(evaluated);
    if (front.empty()) break;
    const std::size_t rest = places - kept.size(), count = std::min(rest, front.size());
    for (std::size_t i = 0; i < count; ++i) {
      kept.push_back(front[count < 2 ? front.size() - 1 : i * (front.size() - 1) / (count - 1)]);
    }
    std::erase_if(evaluated,
                  [&](const Candidate& candidate) { return std::ranges::find(front, candidate) != front.end(); });
  }
  return kept;
}

}  // namespace naslat
