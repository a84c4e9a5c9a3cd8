#include "configs/files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "configs/errors.hpp"

namespace naslat {

std::string read_file(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path))
    throw DataError(fmt::format("{}: is a folder, wanted a file", path.string()));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  return text;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw DataError(fmt::format("{}: cannot be made: {}", path.parent_path().string(), error.message()));
  const std::filesystem::path beside = path.string() + fmt::format(".{}.part", getpid());
  std::ofstream file(beside, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) {
    const std::string reason = std::strerror(errno);
    std::filesystem::remove(beside, error);
    throw DataError(fmt::format("{}: cannot be written: {}", path.string(), reason));
  }
  std::filesystem::rename(beside, path, error);
  if (error) throw DataError(fmt::format("{}: cannot be written: {}", path.string(), error.message()));
}

}  // namespace naslat
