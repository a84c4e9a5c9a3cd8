#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "configs/command.hpp"

namespace naslat::test {

/// What a subcommand prints; its exceptions pass.
inline std::string printed(CommandSetup setup, const std::vector<std::string>& arguments) {
  Command command;
  const Action action = setup(command);
  command.parse(arguments);
  testing::internal::CaptureStdout();
  try {
    action();
  } catch (...) {
    static_cast<void>(testing::internal::GetCapturedStdout());
    throw;
  }
  return testing::internal::GetCapturedStdout();
}

}  // namespace naslat::test
