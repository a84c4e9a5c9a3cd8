#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace naslat {

/// All files of a zip archive by name, read into memory and checked against their CRCs.
/// @throws DataError for anything but a sound archive, and where the unpacked size would pass 256 MiB
[[nodiscard]] std::map<std::string, std::string> read_zip(const std::filesystem::path& path);

}  // namespace naslat
