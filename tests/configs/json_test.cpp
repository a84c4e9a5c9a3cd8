#include "configs/json.hpp"

#include <gtest/gtest.h>

namespace naslat {
namespace {

TEST(Json, KeepsKeysInTheirOrder) {
  const std::string text = R"({"b":1,"a":[true,null,"x"],"c":{"z":0.1,"y":[]}})";
  const Json json = parse_json(text);
  EXPECT_EQ(json_line(json), text);
  EXPECT_EQ(parse_json(json_text(json)), json);
  EXPECT_EQ(json_text({{"b", 1}, {"a", 2}}), "{\n  \"b\": 1,\n  \"a\": 2\n}");
  EXPECT_EQ(json_line({{"one", "pair"}}), R"({"one":"pair"})");
}

TEST(Json, TextsThatAreNoneAreErrors) {
  for (const std::string_view text : {"", "{", R"({"a":1}})", "[1,]", "nan", "{a:1}", "\"\xff\"", "[1] 2"}) {
    EXPECT_THROW(static_cast<void>(parse_json(text)), nlohmann::json::exception) << text;
  }
  EXPECT_EQ(parse_json(std::string_view("[1]2").substr(0, 3)).at(0), 1);  // no byte behind it is read
}

TEST(Json, StringsThatAreNotUtf8AreRefusedOrReplaced) {
  const Json json = "a\xffz";
  EXPECT_THROW(static_cast<void>(json_line(json)), nlohmann::json::exception);
  EXPECT_THROW(static_cast<void>(json_text(json)), nlohmann::json::exception);
  EXPECT_EQ(json_line(json, Json::error_handler_t::replace), "\"a\xEF\xBF\xBDz\"");
}

}  // namespace
}  // namespace naslat
