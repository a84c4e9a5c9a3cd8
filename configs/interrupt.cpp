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
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;  // nohup, jobs of a script
    sigaction(signal, &action, nullptr);
  }
  // What cannot be written is an error like a full disk: nobody reading progress any more ends no measurement.
  for (const int signal : {SIGXFSZ, SIGPIPE}) std::signal(signal, SIG_IGN);
}

bool interrupted() { return requested; }

}  // namespace naslat
