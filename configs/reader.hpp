#pragma once

#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace naslat {

/// Reads a TOML file whose keys are the long option names of `app` ("threads = 2", "archs = ['reference',
/// 'random:60']") and gives each option its value, unless the command line already gave it one.
/// @throws ConfigError naming path, line and key: unknown key, wrong type, value out of range, not TOML
void read_config(const std::string& path, CLI::App& app);

/// One table of a TOML file: its values as the texts a command line would give.
struct ConfigSection {
  std::string name, where;  ///< `where` is path and line
  std::map<std::string, std::vector<std::string>> values;
};

/// The tables under [`table`.NAME], in file order; nothing else may be in the file.
/// @throws ConfigError naming path and line
[[nodiscard]] std::vector<ConfigSection> read_sections(const std::string& path, const std::string& table);

}  // namespace naslat
