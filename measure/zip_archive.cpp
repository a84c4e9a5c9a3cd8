#include "measure/zip_archive.hpp"

#include <fmt/format.h>
#include <minizip/unzip.h>

#include <memory>
#include <type_traits>

#include "configs/errors.hpp"

namespace naslat {

namespace {

constexpr std::uint64_t kMostBytes = 1ULL << 28;  // unpacked, all files together

struct CloseZip {
  void operator()(std::remove_pointer_t<unzFile>* zip) const { unzClose(zip); }
};

}  // namespace

std::map<std::string, std::string> read_zip(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what) { throw DataError(fmt::format("{}: {}", path.string(), what)); };
  const std::unique_ptr<std::remove_pointer_t<unzFile>, CloseZip> zip(unzOpen64(path.c_str()));
  if (!zip) fail("not a zip archive, wanted a PyTorch file");

  std::map<std::string, std::string> files;
  std::uint64_t total = 0;
  for (int state = unzGoToFirstFile(zip.get()); state != UNZ_END_OF_LIST_OF_FILE; state = unzGoToNextFile(zip.get())) {
    char name[512] = {};
    unz_file_info64 info{};
    if (state != UNZ_OK ||
        unzGetCurrentFileInfo64(zip.get(), &info, name, sizeof name - 1, nullptr, 0, nullptr, 0) != UNZ_OK) {
      fail("damaged zip directory");
    }
    total += info.uncompressed_size;
    if (info.uncompressed_size > kMostBytes || total > kMostBytes) fail("unpacks to more than 256 MiB");
    if (unzOpenCurrentFile(zip.get()) != UNZ_OK) fail(fmt::format("damaged zip entry '{}'", name));
    std::string data;  // grows with what is there, whatever size the directory claims
    char chunk[1 << 16];
    int count = 0;
    while ((count = unzReadCurrentFile(zip.get(), chunk, sizeof chunk)) > 0 && data.size() <= info.uncompressed_size) {
      data.append(chunk, static_cast<std::size_t>(count));
    }
    const bool sound = unzCloseCurrentFile(zip.get()) == UNZ_OK;  // false where the CRC differs
    if (count != 0 || !sound || data.size() != info.uncompressed_size)
      fail(fmt::format("damaged zip entry '{}'", name));
    files[name] = std::move(data);
  }
  return files;
}

}  // namespace naslat
