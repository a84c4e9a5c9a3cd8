#include "configs/json.hpp"

#include <algorithm>

namespace naslat {

Json parse_json(std::string_view text) { return Json::parse(text); }

std::string reason(const nlohmann::json::exception& error) {
  const std::string_view text = error.what();
  return std::string(text.substr(std::min(text.size(), text.find("] ") + 2)));
}

std::string json_text(const Json& json, Json::error_handler_t invalid) { return json.dump(2, ' ', false, invalid); }
std::string json_line(const Json& json, Json::error_handler_t invalid) { return json.dump(-1, ' ', false, invalid); }

}  // namespace naslat
