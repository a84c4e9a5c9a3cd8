#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace naslat {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kModules = {"configs", "spaces", "measure", "predictor", "reports"};  // lowest first

struct Include {
  std::string file, included;  // both relative to the source folder
};

/// Our own #include lines of every file of a module.
std::vector<Include> includes(const std::string& module) {
  constexpr std::string_view kInclude = "#include \"";
  std::vector<Include> found;
  const fs::path top = NASLAT_SOURCE_DIR;
  for (const auto& entry : fs::recursive_directory_iterator(top / module)) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with(kInclude)) continue;
      const std::string included = line.substr(kInclude.size(), line.rfind('"') - kInclude.size());
      found.push_back({fs::relative(entry.path(), top).string(), included});
    }
  }
  return found;
}

bool starts_with_any(const std::string& text, std::initializer_list<const char*> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* prefix) { return text.starts_with(prefix); });
}

TEST(Layering, AFileIncludesItsOwnModuleOrOneBelow) {
  for (std::size_t level = 0; level < kModules.size(); ++level) {
    const std::vector<Include> list = includes(kModules[level]);
    ASSERT_FALSE(list.empty()) << kModules[level];
    for (const Include& include : list) {
      const std::string module = include.included.substr(0, include.included.find('/'));
      const auto found = std::find(kModules.begin(), kModules.end(), module);
      ASSERT_NE(found, kModules.end()) << include.file << " includes " << include.included;
      EXPECT_LE(static_cast<std::size_t>(found - kModules.begin()), level)
          << include.file << " includes " << include.included;
    }
  }
}

TEST(Layering, BackendsSeeNetworksAndDevicesButNoSearchSpace) {
  for (const Include& include : includes("measure")) {
    if (!include.file.starts_with("measure/backends/")) continue;
    EXPECT_FALSE(starts_with_any(include.included, {"spaces/search_space", "spaces/registry", "spaces/nasbench201",
                                                    "spaces/architecture", "spaces/encoding"}))
        << include.file << " includes " << include.included;
  }
}

TEST(Layering, DatasetLinksNoBackend) {
  for (const Include& include : includes("measure")) {
    if (!include.file.starts_with("measure/dataset")) continue;
    EXPECT_FALSE(include.included.starts_with("measure/backends/")) << include.file << " includes " << include.included;
  }
}

TEST(Layering, EveryTestIsListedByName) {
  std::ifstream file(fs::path(NASLAT_SOURCE_DIR) / "tests" / "CMakeLists.txt");
  const std::string list{std::istreambuf_iterator<char>(file), {}};
  const fs::path tests = fs::path(NASLAT_SOURCE_DIR) / "tests";
  for (const auto& entry : fs::recursive_directory_iterator(tests)) {
    const std::string name = fs::relative(entry.path(), tests).string();
    if (!name.ends_with("_test.cpp")) continue;
    EXPECT_NE(list.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace naslat
