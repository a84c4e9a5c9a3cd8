#include "configs/reader.hpp"

#include <fmt/format.h>

#include <toml.hpp>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"

namespace naslat {

namespace {

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

std::string first_line(std::string text) { return text.substr(0, text.find('\n')); }

toml::value parse(const std::string& path) {
  std::istringstream text(read_file(path));
  try {
    return toml::parse(text, path);
  } catch (const std::exception& error) {  // toml11 4 throws more than its own base class
    throw ConfigError(fmt::format("{}: not TOML: {}", path, first_line(error.what())));
  }
}

void set_option(CLI::Option& option, const std::vector<std::string>& arguments, const std::string& where) {
  try {
    for (const std::string& argument : arguments) option.add_result(argument);
    option.run_callback();
  } catch (const CLI::ParseError&) {
    throw ConfigError(fmt::format("{}: got {}, wanted {}", where, fmt::join(arguments, ", "),
                                  option.get_type_size() == 0 ? "true or false" : option.get_type_name()));
  }
}

}  // namespace

void read_config(const std::string& path, CLI::App& app) {
  const toml::value config = parse(path);
  for (const auto& [key, value] : config.as_table()) {
    const std::string where = fmt::format("{}:{}: {}", path, line_of(value), key);
    CLI::Option* const option = app.get_option_no_throw("--" + key);
    if (!option || key == "config" || key == "help") {
      throw ConfigError(fmt::format("{}: no such option of 'naslat {}'", where, app.get_name()));
    }
    if (option->count() == 0) set_option(*option, as_arguments(value, where), where);
  }
}

}  // namespace naslat
