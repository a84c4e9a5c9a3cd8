#include "configs/interrupt.hpp"

#include <atomic>
#include <csignal>
#include <initializer_list>

namespace naslat {

namespace {

std::atomic<bool> requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "signal handlers may touch lock-free atomics only");

extern "C" void on_signal(int) { requested = true; }

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // whoever asks twice is not made to wait; calls that wait return
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error like a full disk
}

bool interrupted() { return requested; }

}  // namespace naslat
