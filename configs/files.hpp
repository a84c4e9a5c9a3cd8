#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace naslat {

/// The whole file. @throws DataError naming the path and the system's reason
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Whether a text is UTF-8: no overlong forms, surrogates or code points past U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Writes beside `path` and renames, so that a reader meets the old file or the new one, never a part.
/// Folders on the way are made, links followed, devices and pipes written into.
/// @throws DataError naming the path and the system's reason, or that another process is appending to it
void write_file(const std::filesystem::path& path, std::string_view text);

/// @throws ConfigError if `out` is one of the files that are read
void refuse_to_replace(const std::filesystem::path& out, std::span<const std::string> inputs);

}  // namespace naslat
