#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace naslat {

/// An option of a command, to say what it takes.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required();
  Option excludes(const Option& other);
  Option several();  ///< takes one value or more, by their place
  Option within(int least, int most);
  Option within(double least, double most);
  Option one_of(const std::vector<std::string>& values);
  Option shows_default();  ///< the variable's value as it is now is named in the help

 private:
  CLI::Option* option_;
};

/// A command and its options: what the command line or --config says is written into the variables that they are bound
/// to, which must still be there when it is read. All that the program uses of CLI11 except main.cpp and the reader of
/// configs, so that its templates are compiled once.
class Command {
 public:
  Command();                        ///< of its own
  explicit Command(CLI::App& app);  ///< one of a program's

  /// @param name "--name", or "name" of what is given by its place @param value of the types listed in command.cpp
  template <typename T>
  Option option(const std::string& name, T& value, const std::string& text);
  void flag(const std::string& name, bool& value, const std::string& text);
  void flag(const std::string& name, const std::function<void()>& set, const std::string& text);
  void footer(const std::string& text);

  /// @throws ConfigError
  void parse(std::vector<std::string> arguments);

 private:
  std::shared_ptr<CLI::App> app_;
};

/// What a subcommand does once its options are read.
using Action = std::function<void()>;

/// Declares a subcommand's options and returns what to do with them. One such function per subcommand, in its module's
/// commands.hpp; main.cpp holds the table of them, reads --config into the same options and maps exceptions to exit
/// codes.
using CommandSetup = Action (*)(Command& command);

}  // namespace naslat
