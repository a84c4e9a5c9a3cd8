#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace naslat {

/// What a subcommand does once its options are read.
using Action = std::function<void()>;

/// Declares a subcommand's options on `app` and returns what to do with them. One such function per subcommand, in its
/// module's commands.hpp; main.cpp holds the table of them, reads --config into the same options and maps exceptions
/// to exit codes.
using CommandSetup = Action (*)(CLI::App& app);

}  // namespace naslat
