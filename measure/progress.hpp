#pragma once

#include <string>

#include "measure/backend.hpp"

namespace naslat {

/// Progress of long work on stderr: a line that is rewritten, with an estimate of the time left, on a terminal; plain
/// lines every few seconds otherwise; nothing if quiet. Updates are cheap and rate-limited, and never happen in a timed
/// region.
class Progress {
 public:
  Progress(std::string what, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// @param done in 0..1 @param detail e.g. "37 of 300 networks"
  void update(double done, const std::string& detail);

 private:
  std::string what_;
  bool quiet_, terminal_;
  double started_s_, printed_s_ = -1;
  Clock now_;
};

}  // namespace naslat
