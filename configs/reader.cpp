#include "configs/reader.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>
#include <sstream>
#include <toml.hpp>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"

namespace naslat {

namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::ptrdiff_t kMostNesting = 256;

/// What toml11 cannot be trusted with is refused before: it descends into nested lists and dotted keys by recursion,
/// and version 3 reads beyond its buffers to tell where a text is not UTF-8. Brackets and dots are counted wherever
/// they stand, so that nothing can hide in texts and comments.
void refuse_hostile_text(const std::string& text, const std::string& path) {
  if (text.size() > kMostBytes)
    throw ConfigError(fmt::format("{}: got {} bytes, wanted at most {}", path, text.size(), kMostBytes));
  std::ptrdiff_t brackets = 0;
  std::size_t number = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    ++number;
    brackets += std::ranges::count_if(line, [](char c) { return c == '[' || c == '{'; });
    if (brackets > kMostNesting)
      throw ConfigError(fmt::format("{}:{}: more than {} opening brackets so far", path, number, kMostNesting));
    if (std::ranges::count(line, '.') > kMostNesting)
      throw ConfigError(fmt::format("{}:{}: more than {} dots in one line", path, number, kMostNesting));
    if (!is_utf8(line)) throw ConfigError(fmt::format("{}:{}: not UTF-8", path, number));
  }
}

/// toml11 3 and 4 name the line of a value differently.
template <typename Value>
std::size_t line_of(const Value& value) {
  const auto location = value.location();
  if constexpr (requires { location.first_line_number(); }) {
    return location.first_line_number();
  } else {
    return location.line();
  }
}

/// The number in toml11's drawing of a place, whose lines are "[error] reason", " --> path", " 3 | text"; empty without
/// one.
std::string drawn_line(const std::string& drawing) {
  std::istringstream lines(drawing);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t end = line.find_first_not_of("0123456789", begin);
    if (end != std::string::npos && end > begin && line.substr(end, 2) == " |") return line.substr(begin, end - begin);
  }
  return {};
}

std::string describe_syntax_error(const std::string& path, const std::string& drawing) {
  const std::string line = drawn_line(drawing);
  std::string reason = drawing.substr(0, drawing.find('\n'));
  if (reason.starts_with("[error] ")) reason.erase(0, 8);
  return fmt::format("{}{}: not TOML: {}", path, line.empty() ? "" : ":" + line, reason);
}

toml::value parse(const std::string& path) {
  const std::string text = read_file(path);
  refuse_hostile_text(text, path);
  std::istringstream stream(text + '\n');
  try {
    return toml::parse(stream, path);
  } catch (const std::exception& error) {  // toml11 throws more than its own base class
    throw ConfigError(describe_syntax_error(path, error.what()));
  }
}

/// The texts the command line would have given for a value.
std::vector<std::string> as_arguments(const toml::value& value, const std::string& where) {
  if (value.is_string()) return {std::string(value.as_string())};
  if (value.is_integer()) return {fmt::format("{}", value.as_integer())};
  if (value.is_floating()) return {fmt::format("{}", value.as_floating())};
  if (value.is_boolean()) return {value.as_boolean() ? "true" : "false"};
  if (!value.is_array())
    throw ConfigError(where + ": got a table or date, wanted a number, text, boolean or list of them");
  std::vector<std::string> arguments;
  for (const auto& element : value.as_array()) {
    if (element.is_array()) throw ConfigError(where + ": got a list of lists, wanted a list of numbers or texts");
    for (std::string& argument : as_arguments(element, where)) arguments.push_back(std::move(argument));
  }
  return arguments;
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

/// What an option takes, for people: of CLI11's "INT:INT in [1 - 64]" the last part.
std::string wanted_by(const CLI::Option& option) {
  if (is_flag(option)) return "true or false";
  const std::string type = option.get_type_name();
  const std::size_t colon = type.find(':');
  return colon == std::string::npos ? type : type.substr(colon + 1);
}

/// The command line knows texts only; a file says what its values are, so a text is no number and a number no boolean.
bool type_fits(const CLI::Option& option, const toml::value& value) {
  if (value.is_array()) {
    if (option.get_items_expected_max() <= 1 || value.as_array().empty()) return false;
    return std::ranges::all_of(value.as_array(),
                               [&](const toml::value& element) { return type_fits(option, element); });
  }
  if (is_flag(option)) return value.is_boolean();
  const std::string type = option.get_type_name();
  const bool wants_number = type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
  return wants_number ? value.is_integer() || value.is_floating() : !value.is_boolean();
}

void set_option(CLI::Option& option, const std::string& key, const toml::value& value, const std::string& where) {
  const std::vector<std::string> arguments = as_arguments(value, where);
  const auto wrong = [&] {
    const std::string got = arguments.empty() ? "an empty list" : fmt::format("{}", fmt::join(arguments, ", "));
    return ConfigError(fmt::format("{}: got {}, wanted {}", where, got, wanted_by(option)));
  };
  if (!type_fits(option, value)) throw wrong();
  try {
    for (const std::string& argument : arguments) {
      option.add_result(is_flag(option) ? option.get_flag_value(key, argument) : argument);  // "!--pin" negates
    }
    option.run_callback();
  } catch (const CLI::ParseError&) {
    throw wrong();
  }
}

}  // namespace

ConfigPlaces read_config(const std::string& path, CLI::App& app) {
  const std::vector<CLI::Option*> given =
      app.get_options([](const CLI::Option* option) { return option->count() > 0; });
  const auto yields = [&](CLI::Option* option) {
    const std::set<CLI::Option*> others = option->get_excludes();
    return std::ranges::any_of(given, [&](CLI::Option* by) { return by == option || others.contains(by); });
  };
  ConfigPlaces places;
  const toml::value config = parse(path);
  std::vector<std::pair<std::string, const toml::value*>>
      entries;  // in file order: of several errors, the first is told
  for (const auto& [key, value] : config.as_table()) entries.emplace_back(key, &value);
  std::ranges::sort(entries, {}, [](const auto& entry) { return std::pair(line_of(*entry.second), entry.first); });
  for (const auto& [key, value] : entries) {
    const std::string place = fmt::format("{}:{}", path, line_of(*value)), where = place + ": " + key;
    CLI::Option* const named = app.get_option_no_throw("--" + key);
    CLI::Option* const option = named ? named : app.get_option_no_throw(key);
    if (!option || key == "config" || key == "help") {
      throw ConfigError(fmt::format("{}: no such option of 'naslat {}'", where, app.get_name()));
    }
    if (yields(option)) continue;
    set_option(*option, key, *value, where);
    places[key] = place;
  }
  return places;
}

std::string placed(const ConfigPlaces& places, const std::string& message) {
  const auto place = places.find(message.substr(0, message.find(':')));
  return place == places.end() ? message : place->second + ": " + message;
}

std::vector<ConfigSection> read_sections(const std::string& path, const std::string& table) {
  const toml::value config = parse(path);
  for (const auto& [key, value] : config.as_table()) {
    if (key != table || !value.is_table())
      throw ConfigError(fmt::format("{}:{}: {}: got a key, wanted [{}.NAME] only", path, line_of(value), key, table));
  }
  std::vector<std::pair<std::size_t, ConfigSection>> sections;
  if (config.contains(table)) {
    for (const auto& [name, section] : config.at(table).as_table()) {
      if (!section.is_table())
        throw ConfigError(
            fmt::format("{}:{}: {}.{}: got a value, wanted a table", path, line_of(section), table, name));
      ConfigSection read{name, fmt::format("{}:{}", path, line_of(section)), {}};
      for (const auto& [key, value] : section.as_table()) {
        read.values[key] = as_arguments(value, fmt::format("{}:{}: {}", path, line_of(value), key));
      }
      sections.emplace_back(line_of(section), std::move(read));
    }
  }
  std::ranges::sort(sections, {}, [](const auto& section) { return section.first; });
  std::vector<ConfigSection> in_order;
  for (auto& [line, section] : sections) in_order.push_back(std::move(section));
  return in_order;
}

}  // namespace naslat
