#pragma once

#include <cstdlib>
#include <filesystem>

namespace naslat {

/// Where HELP's published tables are looked for if no --data is given: $NASLAT_DATA/help, else ../shared/data/help.
[[nodiscard]] inline std::filesystem::path published_tables() {
  const char* given = std::getenv("NASLAT_DATA");
  return (given ? std::filesystem::path(given) : std::filesystem::path("../shared/data")) / "help";
}

}  // namespace naslat
