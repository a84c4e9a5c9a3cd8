// What a network costs before and while it is measured, space by space: compiling a random network (the first of its
// shapes, and again when all shapes are known), and how much faster fused is than eager.
//   spaces_bench [THREADS [NETWORKS]]

#include <fmt/format.h>

#include <cstdlib>
#include <vector>

#include "measure/backend.hpp"
#include "measure/protocol.hpp"
#include "spaces/search_space.hpp"

namespace naslat {
namespace {

constexpr int kDiscarded = 3;
constexpr std::size_t kTimed = 10;

struct Figures {
  std::vector<double> new_s, known_s, speed_up;
};

double latency_of(Executable& executable, const Clock& now) {
  std::vector<double> samples_s(kTimed);
  time_runs(executable, now, kDiscarded, samples_s);
  return median_of(std::move(samples_s));
}

/// Eager and fused in turns, so that both meet the same phases of the machine.
double speed_up(Executable& eager, Executable& fused, const Clock& now) {
  std::vector<double> ratios;
  for (int i = 0; i < 3; ++i) ratios.push_back(latency_of(eager, now) / latency_of(fused, now));
  return median_of(std::move(ratios));
}

void run(int threads, int networks) {
  const Clock now = steady_clock();
  fmt::print("{:<24} {:>16} {:>18} {:>14}\n", "space", "compile_new_ms", "compile_known_ms", "eager/fused");
  for (const char* const name : {"nasbench201", "fbnet", "fbnet-imagenet", "mobilenetv3", "hat"}) {
    const SearchSpace& space = search_space(name);
    Rng rng(0);
    Figures figures;
    for (int i = 0; i < networks; ++i) {
      const Network network = space.network(sample(space, rng));
      Device device = backend("onednn").devices().at(0);
      if (threads > 0) device.threads = threads;
      const auto fused = backend("onednn").compile(network, device);
      figures.new_s.push_back(fused->info().build_s);
      figures.known_s.push_back(backend("onednn").compile(network, device)->info().build_s);
      device.mode = GraphMode::eager;
      figures.speed_up.push_back(speed_up(*backend("onednn").compile(network, device), *fused, now));
    }
    fmt::print("{:<24} {:>16.2f} {:>18.3f} {:>14.2f}\n", name, 1e3 * median_of(figures.new_s),
               1e3 * median_of(figures.known_s), median_of(figures.speed_up));
  }
}

}  // namespace
}  // namespace naslat

int main(int argc, char** argv) { naslat::run(argc > 1 ? std::atoi(argv[1]) : 0, argc > 2 ? std::atoi(argv[2]) : 10); }
