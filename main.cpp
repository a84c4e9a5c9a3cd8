#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "configs/command.hpp"
#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/interrupt.hpp"
#include "configs/reader.hpp"
#include "measure/backend.hpp"
#include "measure/commands.hpp"
#include "predictor/candidates.hpp"
#include "predictor/commands.hpp"
#include "reports/commands.hpp"
#include "spaces/commands.hpp"

namespace {

struct Subcommand {
  const char *name, *summary;
  naslat::CommandSetup setup;
};

constexpr std::array kCommands = {
    Subcommand{"spaces", "search spaces, their decisions, their networks layer by layer", naslat::spaces_command},
    Subcommand{"devices", "what can be measured here, and why it may be noisy", naslat::devices_command},
    Subcommand{"measure", "times architectures, appends them to a latency dataset, resumes",
               [](naslat::Command& command) { return naslat::measure_command(command, naslat::most_informative); }},
    Subcommand{"embed", "times the reference architectures, prints the hardware embedding", naslat::embed_command},
    Subcommand{"import", "published latency tables to our dataset", naslat::import_command},
    Subcommand{"export", "dataset to CSV or JSON", naslat::export_command},
    Subcommand{"merge", "several datasets into one, conflicts named", naslat::merge_command},
    Subcommand{"train", "meta-trains a predictor on a pool of devices, writes a checkpoint", naslat::train_command},
    Subcommand{"predict", "latencies with error bars of any networks, from a few samples of a device",
               naslat::predict_command},
    Subcommand{"evaluate", "runs a correlation experiment over devices, protocols and seeds", naslat::evaluate_command},
    Subcommand{"search", "the best networks within a latency limit, on a device of a dataset", naslat::search_command},
    Subcommand{"characterize", "the main job: measures this machine, predicts the whole space, checks itself, reports",
               naslat::characterize_command},
    Subcommand{"report", "renders a report directory again", naslat::report_command},
};

enum ExitCode { kDone = 0, kImpossible = 1, kWrongRequest = 2, kInterrupted = 130 };

/// One line that a terminal can show, whatever a library's message looks like and whatever file it quotes.
int fail(std::string message, ExitCode code) {
  constexpr std::size_t kBegin = 1000, kEnd = 500;  // a quotation stands between what is wrong and what was wanted
  while (message.ends_with('\n') || message.ends_with(' ')) message.pop_back();
  if (message.size() > kBegin + kEnd) message.replace(kBegin, message.size() - kBegin - kEnd, " ... ");
  std::string line;
  for (const char c : message) {
    if (c == '\n') {
      line += ' ';
    } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  std::fputs(fmt::format("naslat: {}\n", line).c_str(), stderr);  // if there is somewhere to say it
  return code;
}

/// "naslat 0.1.0 (3a24f83)", then a line per backend with the versions of its libraries.
std::string version() {
  std::string text = fmt::format("naslat {} ({})", NASLAT_VERSION, NASLAT_REVISION);
  for (const std::string& name : naslat::backend_names()) {
    text += "\nbackend " + name;
    for (const auto& [fact, value] : naslat::backend(name).facts()) text += fmt::format(", {} {}", fact, value);
  }
  return text;
}

/// The file's values are taken while the command line is processed, so that they also satisfy required options.
/// @pre declared before the subcommand's own options, whose callbacks then run after it
void add_config_option(CLI::App& app, naslat::ConfigPlaces& places) {
  app.add_option_function<std::string>(
         "--config", [&](const std::string& path) { places = naslat::read_config(path, app); },
         "TOML file with any of these options; the command line wins")
      ->type_name("FILE");
}

int run(int argc, char** argv) {
  CLI::App app("naslat: how fast do neural networks run on this machine?", "naslat");
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  app.footer("'naslat COMMAND --help' shows a command's options and an example.");

  struct Prepared {
    CLI::App* app;
    naslat::Action action;
  };
  std::vector<Prepared> commands;
  naslat::ConfigPlaces places;
  for (const Subcommand& command : kCommands) {
    CLI::App* const sub = app.add_subcommand(command.name, command.summary);
    add_config_option(*sub, places);
    naslat::Command options(*sub);
    commands.push_back({sub, command.setup(options)});
  }
  const std::string first = argc > 1 ? argv[1] : "";
  std::vector<std::string> names;
  for (const Subcommand& command : kCommands) names.emplace_back(command.name);
  if (!first.starts_with('-') && std::find(names.begin(), names.end(), first) == names.end()) {
    const std::string got = first.empty() ? "none" : fmt::format("'{}'", first);
    return fail(fmt::format("command: got {}, wanted one of {}", got, fmt::join(names, ", ")), kWrongRequest);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return fail(error.what(), kWrongRequest);
    app.exit(error);  // --help, --version
    commands.clear();
  }
  for (const Prepared& command : commands) {
    if (!command.app->parsed()) continue;
    if (const CLI::Option* const out = command.app->get_option_no_throw("--out"); out && !out->results().empty()) {
      naslat::refuse_to_replace(out->results().front(), command.app->get_option("--config")->results());
    }
    try {
      command.action();
    } catch (const naslat::ConfigError& error) {
      return fail(naslat::placed(places, error.what()), kWrongRequest);
    }
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) {
    throw std::system_error(errno, std::generic_category(), "standard output: cannot be written");
  }
  return kDone;
}

/// Whoever read the output has seen enough: the end that programs come to by then.
int fail_to_print(const std::system_error& error) {
  if (error.code() != std::errc::broken_pipe) return fail(error.what(), kImpossible);
  std::signal(SIGPIPE, SIG_DFL);
  return std::raise(SIGPIPE);
}

}  // namespace

int main(int argc, char** argv) {
  naslat::catch_interrupts();
  try {
    return run(argc, argv);
  } catch (const naslat::Interrupted& stop) {
    return fail(stop.kept.empty() ? "interrupted" : "interrupted; " + stop.kept, kInterrupted);
  } catch (const naslat::ConfigError& error) {
    return fail(error.what(), kWrongRequest);
  } catch (const std::system_error& error) {
    return fail_to_print(error);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kImpossible);
  } catch (const std::exception& error) {
    return fail(error.what(), kImpossible);
  } catch (...) {
    return fail("an error without a message", kImpossible);
  }
}
