#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace naslat {

/// The whole file. @throws DataError naming the path and the system's reason
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Writes beside `path` and renames, so that a reader meets the old file or the new one, never a part.
/// Folders on the way are made. @throws DataError naming the path and the system's reason
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace naslat
