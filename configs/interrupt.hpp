#pragma once

#include <string>

namespace naslat {

/// Thrown where work stops cleanly after Ctrl-C or a termination signal; exit code 130.
struct Interrupted {
  std::string kept{};  ///< of a measurement: what is on disk
};

/// From now on SIGINT and SIGTERM only set a flag; a second one ends the process at once.
void catch_interrupts();
[[nodiscard]] bool interrupted();

}  // namespace naslat
