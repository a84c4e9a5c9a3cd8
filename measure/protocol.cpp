#include "measure/protocol.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <vector>

#include "configs/errors.hpp"
#include "configs/interrupt.hpp"

namespace naslat {

namespace {

void require(bool holds, std::string_view option, auto got, std::string_view wanted) {
  if (!holds) throw ConfigError(fmt::format("{}: got {}, wanted {}", option, got, wanted));
}

}  // namespace

Clock steady_clock() {
  return [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
}

void validate(const Protocol& protocol) {
  constexpr int kMost = 1'000'000;
  require(protocol.warmup_runs >= 0 && protocol.warmup_runs <= kMost, "warmup", protocol.warmup_runs, "0..1000000");
  require(protocol.discarded_runs >= 0 && protocol.discarded_runs <= kMost, "discard", protocol.discarded_runs,
          "0..1000000");
  require(protocol.timed_runs >= 1 && protocol.timed_runs <= kMost, "runs", protocol.timed_runs, "1..1000000");
  require(protocol.trim_fraction >= 0 && protocol.trim_fraction < 0.5, "trim", protocol.trim_fraction,
          "a share in [0, 0.5)");
  require(protocol.visits >= 1 && protocol.visits <= protocol.timed_runs, "visits", protocol.visits,
          fmt::format("1..{}, the number of timed runs", protocol.timed_runs));
  require(protocol.visit_discarded_runs >= 0 && protocol.visit_discarded_runs <= kMost, "visit discard",
          protocol.visit_discarded_runs, "0..1000000");
}

std::size_t visit_runs(const Protocol& protocol, int visit) {
  return static_cast<std::size_t>(protocol.timed_runs / protocol.visits +
                                  (visit < protocol.timed_runs % protocol.visits ? 1 : 0));
}

double time_runs(Executable& executable, const Clock& now, int discarded, std::span<double> samples_s,
                 std::vector<double>* device_samples_s) {
  double executing_s = 0;
  const double discarded_from_s = now();
  for (int i = 0; i < discarded; ++i) {
    executable.run();
    if (interrupted()) throw Interrupted{};
  }
  executing_s += now() - discarded_from_s;
  for (double& sample_s : samples_s) {
    const double start_s = now();
    executable.run();
    sample_s = now() - start_s;
    executing_s += sample_s;
    if (const auto device_s = device_samples_s ? executable.device_run_s() : std::nullopt) {
      device_samples_s->push_back(*device_s);
    }
    if (interrupted()) throw Interrupted{};
  }
  return executing_s;
}

double time_blocks(Executable& executable, const Clock& now, std::size_t runs, std::span<double> samples_s) {
  const std::size_t blocks = executable.blocks().size();
  std::vector<double> boundaries_s(blocks + 1);
  double executing_s = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    executable.run_blocks(now, boundaries_s);
    for (std::size_t b = 0; b < blocks; ++b) samples_s[run * blocks + b] = boundaries_s[b + 1] - boundaries_s[b];
    executing_s += boundaries_s.back() - boundaries_s.front();
    if (interrupted()) throw Interrupted{};
  }
  return executing_s;
}

std::string describe(const Protocol& p) {
  return fmt::format("{}+{} discarded, {} timed runs in {} visits ({} discarded each), trim {}, {}", p.warmup_runs,
                     p.discarded_runs, p.timed_runs, p.visits, p.visit_discarded_runs, p.trim_fraction,
                     p.anchor ? "anchors" : "no anchors");
}

}  // namespace naslat
