#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace naslat::cudnn {

/// Where shared objects are looked for, in this order.
struct SearchPath {
  std::vector<std::filesystem::path> chosen;  ///< the user's folders
  bool loader = true;                         ///< then as the system's loader finds them
  std::vector<std::filesystem::path> usual;   ///< then the folders of installations and of Python wheels
};

/// NASLAT_CUDA_PATH (folders separated by colons; their lib and lib64 too), the loader's own path, and the places where
/// packages, installers and Python's wheels (nvidia/*/lib) put CUDA and cuDNN.
[[nodiscard]] SearchPath default_search_path();

/// A library opened while the program runs. It stays open: CUDA's libraries do not survive being closed.
class SharedLibrary {
 public:
  SharedLibrary() = default;
  /// @param names  of the file, best first, e.g. "libcublasLt.so.13"; each is looked for everywhere before the next
  /// @throws DataError where none of them opens
  SharedLibrary(const std::vector<std::string>& names, const SearchPath& path);

  /// Null where the library has no such function.
  [[nodiscard]] void* find(const char* function) const;
  /// @throws DataError naming function and library
  [[nodiscard]] void* require(const char* function) const;
  /// The file that was opened.
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  void* handle_ = nullptr;
  std::string file_;
};

}  // namespace naslat::cudnn
