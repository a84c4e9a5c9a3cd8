#include "configs/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "configs/errors.hpp"
#include "configs/interrupt.hpp"

namespace naslat {

std::string read_file(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path))
    throw DataError(fmt::format("{}: is a folder, wanted a file", path.string()));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (interrupted()) throw Interrupted{};
  if (file.bad()) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  return text;
}

namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& reason) {
  throw DataError(fmt::format("{}: cannot be written: {}", path.string(), reason));
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) throw std::system_error(errno, std::generic_category());
}

/// To the disk, as far as there is one: what was renamed in time survives a power cut whole. A folder's names, too.
void sync(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  const int failed = fsync(file) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;
  close(file);
  if (failed != 0) throw std::system_error(failed, std::generic_category());
}

/// A file that is about to be replaced: nobody may be appending to it.
class Replaced {
 public:
  explicit Replaced(const std::filesystem::path& path) : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ >= 0 && flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      close(file_);
      throw DataError(fmt::format("{}: is being written by another process, wanted one writer", path.string()));
    }
  }
  ~Replaced() {
    if (file_ >= 0) close(file_);
  }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;

 private:
  int file_;
};

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int following = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    if (following < 0 || text.size() - i < static_cast<std::size_t>(following)) return false;
    for (int n = 0; n < following; ++n) {
      const auto byte = static_cast<unsigned char>(text[i++]);
      const bool first_too_low = n == 0 && ((lead == 0xe0 && byte < 0xa0) || (lead == 0xf0 && byte < 0x90));
      const bool first_too_high = n == 0 && ((lead == 0xed && byte > 0x9f) || (lead == 0xf4 && byte > 0x8f));
      if (byte < 0x80 || byte > 0xbf || first_too_low || first_too_high) return false;
    }
  }
  return true;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw DataError(fmt::format("{}: cannot be made: {}", path.parent_path().string(), error.message()));
  const bool there = std::filesystem::exists(path, error);
  if (there && std::filesystem::is_directory(path, error)) refuse(path, "is a folder, wanted a file");
  if (there && !std::filesystem::is_regular_file(path, error)) {  // a device or a pipe is no place to put a file
    try {
      return write_text(path, text);
    } catch (const std::system_error& failure) {
      refuse(path, failure.code().message());
    }
  }
  const std::filesystem::path target = there ? std::filesystem::canonical(path, error) : path;  // of a link
  if (error) refuse(path, error.message());
  const std::filesystem::path beside = target.string() + fmt::format(".{}.part", getpid());
  const Replaced replaced(target);
  try {
    write_text(beside, text);
    sync(beside);
    std::filesystem::rename(beside, target);
    sync(target.has_parent_path() ? target.parent_path() : ".");
  } catch (const std::system_error& failure) {
    std::filesystem::remove(beside, error);
    refuse(path, failure.code().message());
  }
}

void refuse_to_replace(const std::filesystem::path& out, std::span<const std::string> inputs) {
  std::error_code error;
  for (const std::string& input : inputs) {
    if (!std::filesystem::equivalent(out, input, error)) continue;
    throw ConfigError(fmt::format("out: got {}, which is read, wanted another file", out.string()));
  }
}

}  // namespace naslat
