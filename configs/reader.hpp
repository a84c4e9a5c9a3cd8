#pragma once

#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace naslat {

/// Where a value came from: "FILE:LINE", by key.
using ConfigPlaces = std::map<std::string, std::string>;

/// Reads a TOML file whose keys are the long option names of `app` or the names of what is given by its place ("threads
/// = 2", "archs = ['reference', 'random:60']") and gives each its value, unless the command line gave it one, or one
/// that excludes it.
/// @returns the keys whose values were taken
/// @throws ConfigError naming path, line and key: unknown key, wrong type, value out of range, not TOML
ConfigPlaces read_config(const std::string& path, CLI::App& app);

/// An error's message, which begins with its subject; where that is a key of a file, with its place before it.
[[nodiscard]] std::string placed(const ConfigPlaces& places, const std::string& message);

/// One table of a TOML file: its values as the texts a command line would give.
struct ConfigSection {
  std::string name, where;  ///< `where` is path and line
  std::map<std::string, std::vector<std::string>> values;
};

/// The tables under [`table`.NAME], in file order; nothing else may be in the file.
/// @throws ConfigError naming path and line
[[nodiscard]] std::vector<ConfigSection> read_sections(const std::string& path, const std::string& table);

}  // namespace naslat
