#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "measure/protocol.hpp"
#include "predictor/candidates.hpp"
#include "predictor/parallel.hpp"
#include "predictor/registry.hpp"

// How long predictors take once a device's samples are there: adapting to them and predicting all 15,625 networks of
// NAS-Bench-201. The additive predictor on one core, with 20 and 60 samples, with and without error bars and the times
// of the samples' blocks, and how long it takes to choose 20 of 2,000 candidates; HELP (ten draws of z, ten samples) on
// one core and on all.

namespace naslat {
namespace {

double best_of(int repeats, const std::function<void()>& work) {
  const Clock now = steady_clock();
  double best_s = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const double started_s = now();
    work();
    best_s = std::min(best_s, now() - started_s);
  }
  return best_s;
}

void print_times(const LatencyPredictor& predictor, const Samples& samples, const Encodings& asked, const char* what) {
  Rng rng(1);
  const auto adapt = [&] { return predictor.adapt({}, samples, {}, rng); };
  const double fit_s = best_of(5, [&] { static_cast<void>(adapt()); });
  const double predict_s = best_of(5, [&] { static_cast<void>(adapt()->predict_s(asked)); });
  const double bars_s = best_of(5, [&] { static_cast<void>(adapt()->spread_s(asked)); });
  fmt::print("{} samples{}: fit {:.1f} ms, fit and {} predictions {:.1f} ms, fit and as many error bars {:.1f} ms\n",
             samples.x.size(), what, fit_s * 1e3, asked.size(), predict_s * 1e3, bars_s * 1e3);
}

void print_help(const SearchSpace& space, const Encodings& asked, int threads) {
  const auto predictor = load_predictor(space.name(), {}, threads);
  Samples samples;
  for (std::size_t i = 0; i < 10; ++i) {
    samples.x.push_back(asked[i * asked.size() / 10]);
    samples.latency_s.push_back(1e-3 * static_cast<double>(i + 1));
  }
  Rng rng(1);
  const auto adapt = [&] {
    return predictor->adapt(embed(samples.latency_s), samples, target_scale(samples.latency_s), rng);
  };
  const double adapt_s = best_of(5, [&] { static_cast<void>(adapt()); });
  const double predict_s = best_of(5, [&] { static_cast<void>(adapt()->predict_s(asked)); });
  fmt::print("help, {} threads: adapted in {:.1f} ms, adapted and {} predictions in {:.1f} ms\n", threads,
             adapt_s * 1e3, asked.size(), predict_s * 1e3);
}

void run() {
  const SearchSpace& space = search_space("nasbench201");
  constexpr std::array kFused = {GraphMode::fused};
  const Candidates candidates = naslat::candidates(space, kFused);
  std::vector<Architecture> all;
  for (std::uint64_t i = 0; i < *space.size(); ++i) all.push_back(space.at(i));
  const Encodings encodings = encode_all(space, all, true, kFused);
  const auto predictor = make_predictor("additive");
  predictor->meta_train({candidates.encodings, {}, {}}, [](int, double, double) {});

  Rng rng(1);
  for (const std::size_t count : {20U, 60U}) {
    Samples samples;
    for (const std::size_t i : predictor->next(candidates.encodings, {}, count)) {
      samples.x.push_back(candidates.encodings[i]);
      samples.latency_s.push_back(1e-3 + 1e-12 * candidates.encodings[i].macs * (1 + 0.02 * rng.normal()));
    }
    print_times(*predictor, samples, encodings, "");
    samples.facts.mode = GraphMode::fused;
    for (const Encoding& e : samples.x) {
      BlockTimes& times = samples.block_s.emplace_back();
      for (const BlockWork& block : e.work.executed.at(static_cast<std::size_t>(GraphMode::fused))) {
        for (int i = 0; i < block.count; ++i) times.emplace_back(block.id, 1e-6 + 1e-12 * block.macs);
      }
    }
    print_times(*predictor, samples, encodings, " with block times");
  }
  const double next_s = best_of(5, [&] { static_cast<void>(predictor->next(candidates.encodings, {}, 20)); });
  fmt::print("20 of {} candidates chosen in {:.1f} ms\n", candidates.encodings.size(), next_s * 1e3);
  print_help(space, encodings, 1);
  print_help(space, encodings, all_cores());
}

}  // namespace
}  // namespace naslat

int main() { naslat::run(); }
