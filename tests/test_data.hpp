#pragma once

#include <cstdlib>
#include <filesystem>

namespace naslat {

/// Folder of the published tables: $NASLAT_DATA, else ../shared/data beside the source folder. Empty if there is none.
inline std::filesystem::path test_data() {
  const char* given = std::getenv("NASLAT_DATA");
  std::filesystem::path folder = given ? given : std::filesystem::path(NASLAT_SOURCE_DIR) / ".." / "shared" / "data";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path();
}

}  // namespace naslat

/// Ends a test that reads published tables where there are none, and says so.
#define NASLAT_NEEDS_TEST_DATA() \
  if (naslat::test_data().empty()) GTEST_SKIP() << "published tables not found: set NASLAT_DATA to their folder"
