#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace naslat {

/// A JSON value; an object keeps its keys in the order in which they were written. Texts are read and written by the
/// functions below, so that the library's reader and writer are compiled once.
using Json = nlohmann::ordered_json;

/// @throws nlohmann::json::exception where the text is no JSON
[[nodiscard]] Json parse_json(std::string_view text);

/// What the library found wrong, without its number.
[[nodiscard]] std::string reason(const nlohmann::json::exception& error);

/// The value over several lines, or all on one.
/// @param invalid what becomes of strings that are not UTF-8: nlohmann::json::exception, or a replacement character
[[nodiscard]] std::string json_text(const Json& json, Json::error_handler_t invalid = Json::error_handler_t::strict);
[[nodiscard]] std::string json_line(const Json& json, Json::error_handler_t invalid = Json::error_handler_t::strict);

}  // namespace naslat
