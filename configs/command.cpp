#include "configs/command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <type_traits>

#include "configs/errors.hpp"

namespace naslat {

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Option Option::several() {
  option_->expected(1, 1'000'000);
  return *this;
}

Option Option::within(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::within(double least, double most) {
  option_->check(CLI::Range(least, most));
  option_->check([least, most](const std::string& number) {  // which is neither below nor above
    return std::isnan(std::strtod(number.c_str(), nullptr))
               ? fmt::format("got {}, wanted {} to {}", number, least, most)
               : std::string();
  });
  return *this;
}

Option Option::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Option Option::shows_default() {
  option_->capture_default_str();
  return *this;
}

Command::Command() : app_(std::make_shared<CLI::App>()) {}

Command::Command(CLI::App& app) : app_(&app, [](CLI::App*) {}) {}

template <typename T>
Option Command::option(const std::string& name, T& value, const std::string& text) {
  CLI::Option* const option = app_->add_option(name, value, text);
  if constexpr (std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::optional<std::size_t>>) {
    option->check([](const std::string& number) {  // what would wrap around
      std::uint64_t wide = 0;
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), wide);
      const bool fits = !number.starts_with('-') && error != std::errc::result_out_of_range;
      return fits ? std::string() : fmt::format("got {}, wanted 0 to {}", number, ~std::uint64_t{0});
    });
  }
  return Option(option);
}

void Command::flag(const std::string& name, bool& value, const std::string& text) { app_->add_flag(name, value, text); }

void Command::flag(const std::string& name, const std::function<void()>& set, const std::string& text) {
  app_->add_flag_callback(name, set, text);
}

void Command::footer(const std::string& text) { app_->footer(text); }

void Command::parse(std::vector<std::string> arguments) {
  std::ranges::reverse(arguments);  // CLI11 takes them last first
  try {
    app_->parse(arguments);
  } catch (const CLI::ParseError& error) {
    throw ConfigError(error.what());
  }
}

template Option Command::option(const std::string&, std::string&, const std::string&);
template Option Command::option(const std::string&, int&, const std::string&);
template Option Command::option(const std::string&, std::int64_t&, const std::string&);
template Option Command::option(const std::string&, std::uint64_t&, const std::string&);
template Option Command::option(const std::string&, double&, const std::string&);
template Option Command::option(const std::string&, std::optional<std::size_t>&, const std::string&);
template Option Command::option(const std::string&, std::optional<double>&, const std::string&);
template Option Command::option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Command::option(const std::string&, std::vector<int>&, const std::string&);
template Option Command::option(const std::string&, std::vector<std::size_t>&, const std::string&);

}  // namespace naslat
