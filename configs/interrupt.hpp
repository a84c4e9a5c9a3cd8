#pragma once

#include <string>

namespace naslat {

/// Thrown where work stops cleanly after Ctrl-C or a termination signal; exit code 130.
struct Interrupted {
  std::string kept{};  ///< of a measurement: what is on disk
};

/// From now on SIGINT, SIGTERM and SIGHUP only set a flag, unless the process was started ignoring them; a second one
/// ends the process at once. SIGPIPE does nothing: writing fails instead.
void catch_interrupts();
[[nodiscard]] bool interrupted();

}  // namespace naslat
