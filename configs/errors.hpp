#pragma once

#include <stdexcept>
#include <string>

namespace naslat {

/// Every message is one line: "subject: what is wrong, got and wanted".

/// The request was wrong: options, config files, architecture texts. Exit code 2.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The data or the machine made it impossible. Exit code 1. Names path and line when it was read from a file.
struct DataError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// This backend cannot do this layer. Recorded as a skip; the sweep goes on.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace naslat
