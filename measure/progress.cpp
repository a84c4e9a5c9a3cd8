#include "measure/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace naslat {

namespace {

constexpr double kTerminalInterval_s = 0.1, kPlainInterval_s = 5;

std::string duration(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

Progress::Progress(std::string what, bool quiet)
    : what_(std::move(what)), quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1), now_(steady_clock()) {
  started_s_ = now_();
  printed_s_ = terminal_ ? -1 : started_s_;
}

Progress::~Progress() {
  if (!quiet_ && terminal_ && printed_s_ >= 0) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(double done, const std::string& detail) {
  if (quiet_) return;
  const double now_s = now_();
  if (now_s - printed_s_ < (terminal_ ? kTerminalInterval_s : kPlainInterval_s)) return;
  printed_s_ = now_s;
  std::string line = fmt::format("{}: {:3.0f}%  {}", what_, done * 100, detail);
  const double spent_s = now_s - started_s_;
  if (done > 0.01 && done < 1 && spent_s > 1)
    line += fmt::format("  about {} left", duration(spent_s / done - spent_s));
  std::fputs((terminal_ ? "\r\x1b[K" + line : line + "\n").c_str(), stderr);  // a full disk ends no measurement
  std::fflush(stderr);
}

}  // namespace naslat
