#include "measure/affinity.hpp"

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "configs/errors.hpp"
#include "measure/environment.hpp"

namespace naslat {

namespace {

/// FTZ and DAZ: denormal operands and results count as zero, in the calling thread.
void flush_denormals() {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040U);
#elif defined(__aarch64__)
  unsigned long fpcr = 0;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  asm volatile("msr fpcr, %0" : : "r"(fpcr | (1UL << 24)));
#endif
}

/// Binds the calling thread; the core it is bound to afterwards, or -1.
int bind_to(int core) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(static_cast<std::size_t>(core), &mask);
  if (sched_setaffinity(0, sizeof mask, &mask) != 0) return -1;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0 || CPU_COUNT(&mask) != 1) return -1;
  return CPU_ISSET(static_cast<std::size_t>(core), &mask) ? core : -1;
}

/// The OpenMP runtime binds threads before main() where the environment asks for it: what this process may use would
/// look like one core. Workers that sleep between layers make these take 10 to 50 times as long. Kernels are code, not
/// files to keep.
__attribute__((constructor(101))) void forget_foreign_threads() {
  for (const char* const variable : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT",
                                     "OMP_NUM_THREADS", "ONEDNN_JIT_DUMP", "DNNL_JIT_DUMP"}) {
    unsetenv(variable);
  }
  const char* const policy = std::getenv("OMP_WAIT_POLICY");
  if (policy != nullptr && strcasestr(policy, "passive") != nullptr) unsetenv("OMP_WAIT_POLICY");
}

struct Team {
  int threads;
  bool pinned;
};
std::optional<Team> process_team;

}  // namespace

void bind_threads(int threads, bool pin) {
  if (threads < 1) throw ConfigError(fmt::format("threads: got {}, wanted at least 1", threads));
  if (process_team) {
    if (process_team->threads == threads && process_team->pinned == pin) return;
    throw DataError(fmt::format("threads: this process runs {}{} threads already, got {}{}: one process, one team",
                                process_team->threads, process_team->pinned ? " bound" : " unbound", threads,
                                pin ? " bound" : " unbound"));
  }
  const std::vector<int> cores = usable_cores();  // before the first binding narrows what it sees
  const auto wanted = static_cast<std::size_t>(threads);
  if (pin && cores.size() < wanted) {
    throw DataError(fmt::format("threads: got {}, this process may use {} cores", threads, cores.size()));
  }
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
  std::vector<int> bound(wanted, -1);
  int started = 0;
  // A worker inherits its creator's mask, so the team is made first and each member binds itself.
#pragma omp parallel num_threads(threads)
  {
    flush_denormals();
#pragma omp single
    started = omp_get_num_threads();
    const auto self = static_cast<std::size_t>(omp_get_thread_num());
    if (pin) bound[self] = bind_to(cores[self]);
  }
  if (started != threads) {
    throw DataError(fmt::format("threads: got {}, but no more than {} start: see OMP_THREAD_LIMIT", threads, started));
  }
  if (pin) {
    std::sort(bound.begin(), bound.end());
    if (bound.front() < 0 || std::adjacent_find(bound.begin(), bound.end()) != bound.end()) {
      throw DataError(
          fmt::format("threads: binding {} threads to cores {}: the system refused", threads, fmt::join(cores, ", ")));
    }
  }
  process_team = Team{threads, pin};
}

}  // namespace naslat
