// How much of a fused network's time is its kernels' own: each reference network of NAS-Bench-201 against the sum of
// its kernels, in turns, timed in two ways. "alone": each by itself, twenty times back to back, so that its data and
// code are in the nearest cache; what the network adds to that are caches that other kernels have used meanwhile,
// and calls: where all kernels of a shape are given one's weights, networks of 5 MB of weights take 1.04 to 1.06 of
// "alone" instead of 1.09 to 1.15 (two threads, 1 MiB of second-level cache each). A newer processor with 2 MiB
// takes 1.04 to 1.09 of "alone" with one thread (the first network 1.12), 1.11 to 1.21 with two, which also read
// what the other has just written. "in order": one after another as in the network, the clock read between them;
// what the network adds to that is ours. Wanted: at most 1.10. Also what compiling known shapes costs, and what the
// harness adds to an execution (wanted: under 2 µs).
//   fused_bench [THREADS]

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "measure/backend.hpp"
#include "measure/backends/onednn/executable.hpp"
#include "measure/null_executable.hpp"
#include "measure/protocol.hpp"
#include "spaces/search_space.hpp"

namespace naslat {
namespace {

constexpr int kRounds = 15, kRunsPerRound = 20;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double harness_s(const Clock& now) {
  NullExecutable nothing;
  std::vector<double> samples_s(100000);
  const double start_s = now();
  time_runs(nothing, now, 0, samples_s);
  return (now() - start_s) / static_cast<double>(samples_s.size());
}

struct Figures {
  double network_s, alone_s, in_order_s;
};

double sum_of_medians(const std::vector<std::vector<double>>& step_s) {
  double sum_s = 0;
  for (const std::vector<double>& samples_s : step_s) sum_s += median(samples_s);
  return sum_s;
}

/// Network and kernels in turns, so that both meet the same phases of the machine.
Figures time_in_turns(onednn::OnednnExecutable& network, const Clock& now) {
  std::vector<double> network_s;
  std::vector<std::vector<double>> step_s(network.steps()), step_in_order_s(network.steps());
  for (int round = 0; round < kRounds; ++round) {
    network.run();
    for (int i = 0; i < kRunsPerRound; ++i) {
      const double start_s = now();
      network.run();
      network_s.push_back(now() - start_s);
    }
    for (std::size_t step = 0; step < step_s.size(); ++step) {
      network.run_step(step);
      const double start_s = now();
      for (int i = 0; i < kRunsPerRound; ++i) network.run_step(step);
      step_s[step].push_back((now() - start_s) / kRunsPerRound);
    }
    for (int i = 0; i < kRunsPerRound; ++i) {
      double start_s = now();
      for (std::size_t step = 0; step < step_s.size(); ++step) {
        network.run_step(step);
        const double end_s = now();
        step_in_order_s[step].push_back(end_s - start_s);
        start_s = end_s;
      }
    }
  }
  return {median(network_s), sum_of_medians(step_s), sum_of_medians(step_in_order_s)};
}

void run(int threads) {
  const SearchSpace& space = search_space("nasbench201");
  const Clock now = steady_clock();
  fmt::print("{:>8} {:>8} {:>10} {:>10} {:>12} {:>8} {:>9} {:>11}\n", "index", "kernels", "network_ms", "alone_ms",
             "in_order_ms", "/ alone", "/in_order", "compile_ms");
  for (const Architecture& architecture : space.references()) {
    const Network network = space.network(architecture);
    Device device = backend("onednn").devices().at(0);
    if (threads > 0) device.threads = threads;
    static_cast<void>(backend("onednn").compile(network, device));
    std::vector<double> compile_s;
    for (int i = 0; i < 9; ++i) compile_s.push_back(backend("onednn").compile(network, device)->info().build_s);
    const auto executable = backend("onednn").compile(network, device);
    auto& fused = dynamic_cast<onednn::OnednnExecutable&>(*executable);
    const Figures figures = time_in_turns(fused, now);
    fmt::print("{:>8} {:>8} {:>10.4f} {:>10.4f} {:>12.4f} {:>8.3f} {:>9.3f} {:>11.3f}\n", *space.index_of(architecture),
               fused.steps(), figures.network_s * 1e3, figures.alone_s * 1e3, figures.in_order_s * 1e3,
               figures.network_s / figures.alone_s, figures.network_s / figures.in_order_s, median(compile_s) * 1e3);
  }
  fmt::print("harness: {:.3f} µs per execution\n", harness_s(now) * 1e6);
}

}  // namespace
}  // namespace naslat

int main(int argc, char** argv) { naslat::run(argc > 1 ? std::atoi(argv[1]) : 0); }
