#include "predictor/candidates.hpp"

#include <fmt/format.h>

#include <set>

#include "configs/errors.hpp"
#include "predictor/additive.hpp"
#include "predictor/parallel.hpp"

namespace naslat {

Candidates candidates(const SearchSpace& space, std::span<const GraphMode> modes) {
  constexpr std::size_t kCount = 2000;
  constexpr int kMostRepeats = 1000;  // in a row: then the space has no more
  Rng rng(0);
  Candidates drawn;
  std::set<Architecture> seen;
  for (int repeats = 0; drawn.architectures.size() < kCount && repeats < kMostRepeats; ++repeats) {
    Architecture architecture = space.canonical(sample(space, rng));
    if (!seen.insert(architecture).second) continue;
    drawn.architectures.push_back(std::move(architecture));
    repeats = 0;
  }
  drawn.encodings = encode_all(space, drawn.architectures, true, modes, all_cores());
  return drawn;
}

std::vector<Architecture> most_informative(const SearchSpace& space, std::span<const KnownLatency> known,
                                           std::size_t count) {
  const Candidates all = candidates(space);
  AdditivePredictor predictor;
  predictor.meta_train({all.encodings, {}, {}}, [](int, double, double) {});
  Samples samples;
  std::set<Architecture> taken;
  std::vector<Architecture> architectures;
  for (const auto& [architecture, latency_s] : known) {
    architectures.push_back(architecture);
    samples.latency_s.push_back(latency_s);
    taken.insert(space.canonical(architecture));
  }
  samples.x = encode_all(space, architectures, true);

  std::vector<Encoding> open;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < all.architectures.size(); ++i) {
    if (taken.contains(all.architectures[i])) continue;
    open.push_back(all.encodings[i]);
    positions.push_back(i);
  }
  if (count > open.size()) {
    throw ConfigError(
        fmt::format("{}: got {} networks to choose, wanted at most {}", space.name(), count, open.size()));
  }
  std::vector<Architecture> chosen;
  for (const std::size_t i : predictor.next(open, samples, count)) chosen.push_back(all.architectures[positions[i]]);
  return chosen;
}

}  // namespace naslat
