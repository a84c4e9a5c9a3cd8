#include "measure/backends/cudnn/shared_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "configs/errors.hpp"

namespace naslat::cudnn {

namespace {

namespace fs = std::filesystem;

/// Folders below `folder`, in the order of their names; none where it cannot be read.
std::vector<fs::path> subfolders(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->is_directory(failed)) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// prefix/lib/python3.N/{site,dist}-packages/nvidia/{cudnn,cublas,…}/lib of every Python below a prefix.
void add_python_wheels(std::vector<fs::path>& folders, const fs::path& prefix) {
  for (const fs::path& python : subfolders(prefix / "lib")) {
    if (!python.filename().string().starts_with("python3")) continue;
    for (const char* const packages : {"site-packages", "dist-packages"}) {
      for (const fs::path& package : subfolders(python / packages / "nvidia")) folders.push_back(package / "lib");
    }
  }
}

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

SearchPath default_search_path() {
  SearchPath path;
  std::istringstream chosen(environment("NASLAT_CUDA_PATH"));
  for (std::string folder; std::getline(chosen, folder, ':');) {
    if (folder.empty()) continue;
    for (const char* const below : {"", "lib64", "lib"}) path.chosen.push_back(fs::path(folder) / below);
  }
  for (const char* const folder :
       {"/usr/local/cuda/lib64", "/opt/cuda/lib64", "/usr/lib/wsl/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu", "/usr/local/nvidia/lib64", "/usr/lib/x86_64-linux-gnu/nvidia/current"}) {
    path.usual.emplace_back(folder);
  }
  const std::string home = environment("HOME");
  for (const std::string& prefix : {environment("VIRTUAL_ENV"), environment("CONDA_PREFIX"), std::string("/usr/local"),
                                    std::string("/usr"), home.empty() ? home : home + "/.local"}) {
    if (!prefix.empty()) add_python_wheels(path.usual, prefix);
  }
  return path;
}

SharedLibrary::SharedLibrary(const std::vector<std::string>& names, const SearchPath& path) {
  std::string broken;  // why a file that is there does not open
  const auto open = [&](const std::string& file) {
    handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr && file.find('/') != std::string::npos) broken = dlerror();
    return handle_ != nullptr;
  };
  const auto open_in = [&](const std::vector<fs::path>& folders, const std::string& name) {
    return std::any_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
      std::error_code failed;
      return fs::exists(folder / name, failed) && open(folder / name);
    });
  };
  const bool opened = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return open_in(path.chosen, name) || (path.loader && open(name)) || open_in(path.usual, name);
  });
  if (!opened) {
    std::replace(broken.begin(), broken.end(), '\n', ' ');
    throw DataError(broken.empty() ? fmt::format("{} not found", names.front())
                                   : fmt::format("{} does not open: {}", names.front(), broken));
  }
  link_map* map = nullptr;
  file_ = dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr ? map->l_name : names.front();
}

void* SharedLibrary::find(const char* function) const { return dlsym(handle_, function); }

void* SharedLibrary::require(const char* function) const {
  if (void* const found = find(function)) return found;
  throw DataError(fmt::format("{} has no function {}: it is too old or not the vendor's", file_, function));
}

}  // namespace naslat::cudnn
