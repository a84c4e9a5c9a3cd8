#include "configs/interrupt.hpp"

#include <atomic>
#include <csignal>
#include <initializer_list>

namespace naslat {

namespace {

std::atomic<bool> requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "signal handlers may touch lock-free atomics only");

extern "C" void on_signal(int signal) {
  requested = true;
  std::signal(signal, SIG_DFL);  // whoever asks twice is not made to wait
}

}  // namespace

void catch_interrupts() {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, on_signal);
}

bool interrupted() { return requested; }

}  // namespace naslat
