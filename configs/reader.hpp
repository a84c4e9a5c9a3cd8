#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace naslat {

/// Reads a TOML file whose keys are the long option names of `app` ("threads = 2", "archs = ['reference',
/// 'random:60']") and gives each option its value, unless the command line already gave it one.
/// @throws ConfigError naming path, line and key: unknown key, wrong type, value out of range, not TOML
void read_config(const std::string& path, CLI::App& app);

}  // namespace naslat
