#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/reader.hpp"
#include "configs/table.hpp"
#include "predictor/commands.hpp"
#include "predictor/correlations.hpp"
#include "predictor/experiment.hpp"
#include "predictor/parallel.hpp"
#include "predictor/published_tables.hpp"
#include "predictor/registry.hpp"
#include "predictor/results.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

struct Options {
  Experiment experiment{};
  DeviceSet set{.space = "nasbench201"};  ///< of the options; a file of sets takes its place
  std::string sets_file, out;
  std::vector<std::string> predictors = {"help"}, protocols = {"paper"}, only, repetitions,
                           data = {published_tables().string()};
  std::vector<int> samples;
  bool correlation = false, random_samples = false, json = false;
};

/// Predictors as named by the user, each with its number of samples.
std::vector<Contestant> contestants(const Options& o) {
  const bool nasflat = std::ranges::all_of(o.protocols, [](const std::string& name) { return name == "nasflat"; });
  const std::vector<int> all_samples = o.samples.empty() ? std::vector{nasflat ? 20 : 10} : o.samples;
  std::vector<Contestant> list;
  for (const std::string& text : o.predictors) {
    const auto colon = text.find(':');
    if (colon == std::string::npos) {
      for (const int samples : all_samples) {
        list.push_back({all_samples.size() == 1 ? text : fmt::format("{}:{}", text, samples), text, samples});
      }
      continue;
    }
    int samples = 0;
    const char* const end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data() + colon + 1, end, samples);
    if (error != std::errc{} || next != end || samples < 2) {
      throw ConfigError(fmt::format("predictors: got '{}', wanted NAME or NAME:SAMPLES, 2 or more", text));
    }
    list.push_back({text, text.substr(0, colon), samples});
  }
  for (const Contestant& contestant : list) static_cast<void>(sources_of(contestant.name));  // refuses unknown names
  return list;
}

/// [sets.NAME] tables with the keys space, train, validate, devices, partial and published.
std::vector<DeviceSet> read_sets(const std::string& path, const std::vector<std::string>& only) {
  std::vector<DeviceSet> sets;
  std::vector<std::string> names;
  for (const ConfigSection& section : read_sections(path, "sets")) {
    DeviceSet set{.name = section.name};
    for (const auto& [key, values] : section.values) {
      const std::string text = fmt::format("{}", fmt::join(values, ", "));
      const auto require = [&](bool fits, const std::string& wanted) {
        if (fits) return;
        throw ConfigError(
            fmt::format("{}: {}: {}: got '{}', wanted {}", section.where, section.name, key, text, wanted));
      };
      if (key == "space") {
        require(is_search_space(text), "a search space");
        set.space = text;
      } else if (key == "partial") {
        require(text == "true" || text == "false", "true or false");
        set.partial = text == "true";
      } else if (key == "train" || key == "validate" || key == "devices" || key == "published") {
        (key == "train"      ? set.train
         : key == "validate" ? set.validate
         : key == "devices"  ? set.devices
                             : set.published) = values;
      } else {
        throw ConfigError(fmt::format("{}: {}: got '{}', wanted space, train, validate, devices, partial or published",
                                      section.where, section.name, key));
      }
    }
    if (set.space.empty()) throw ConfigError(fmt::format("{}: {}: got no space", section.where, section.name));
    names.push_back(set.name);
    if (only.empty() || std::ranges::find(only, set.name) != only.end()) sets.push_back(std::move(set));
  }
  for (const std::string& name : only) {
    if (std::ranges::find(names, name) != names.end()) continue;
    throw ConfigError(fmt::format("only: got '{}', wanted some of {}", name, fmt::join(names, ", ")));
  }
  if (sets.empty()) throw ConfigError(fmt::format("{}: got no [sets.NAME], wanted at least one", path));
  return sets;
}

/// Prints the results; into a folder also all forms of them, for `naslat report`.
void show(const Options& o, const std::string& document) {
  const std::string text = results_markdown(document, o.experiment.name);
  if (!o.out.empty()) {
    const std::filesystem::path folder = o.out;
    write_file(folder / "results.md", text);
    write_file(folder / "results.csv", to_csv(results_table(document, o.experiment.name)));
    write_file(folder / "results.json", document + "\n");
    if (const Table predictions = predictions_table(document, o.experiment.name); !predictions.rows.empty()) {
      write_file(folder / "predictions.csv", to_csv(predictions));
      write_file(folder / "predictions.svg", predictions_svg(document, o.experiment.name));
    } else {  // those of an earlier experiment
      std::filesystem::remove(folder / "predictions.csv");
      std::filesystem::remove(folder / "predictions.svg");
    }
  }
  fmt::print("{}", o.json ? document + "\n" : text);
}

void run(Options o) {
  Experiment& e = o.experiment;
  e.data = o.data;
  static_cast<void>(search_space(o.set.space));  // refuses unknown names
  if (!o.only.empty() && o.sets_file.empty()) throw ConfigError("only: got sets to choose, but no file of --sets");
  if (!o.sets_file.empty()) {
    for (const auto& [name, values] : {std::pair{"devices", &o.set.devices},
                                       {"train", &o.set.train},
                                       {"validate", &o.set.validate},
                                       {"published", &o.set.published}}) {
      if (!values->empty())
        throw ConfigError(fmt::format("{}: got some beside --sets, where each set has its own", name));
    }
  }
  if (e.predictions && o.out.empty() && !o.json)
    throw ConfigError("predictions: got no place for them, wanted --out or --json");
  if (o.correlation) {
    if (!o.sets_file.empty()) throw ConfigError("sets: got some beside --correlation, wanted --devices");
    return show(o, correlations_json(e.name, read_all_tables(o.data, o.set.space), o.set.devices, o.repetitions));
  }
  e.contestants = contestants(o);
  if (!e.checkpoint.empty() &&
      std::none_of(e.contestants.begin(), e.contestants.end(), [](const Contestant& c) { return c.name == "help"; })) {
    throw ConfigError("checkpoint: got one, but help is none of the predictors");
  }
  e.sets = o.sets_file.empty() ? std::vector{o.set} : read_sets(o.sets_file, o.only);
  for (const std::string& protocol : o.protocols) e.protocols.push_back(parse_evaluation_protocol(protocol));
  e.designed = !o.random_samples;
  if (e.threads == 0) e.threads = all_cores();
  e.training.threads = e.threads;
  show(o, results_json(e, run_experiment(e)));
}

}  // namespace

Action evaluate_command(Command& command) {
  const auto o = std::make_shared<Options>();
  command.option("--experiment", o->experiment.name, "name of the experiment, for its output").shows_default();
  command.option("--space", o->set.space, "search space").shows_default();
  command.option("--set", o->set.name, "name of the set of devices, for the output");
  command.option("--sets", o->sets_file, "TOML file of [sets.NAME] with space, train, validate, devices");
  command.option("--only", o->only, "of that file, these sets");
  command
      .option("--data", o->data,
              "latency datasets, CSV tables, folders of either, clones of the HELP repository; joined, the first that "
              "has a latency counts")
      .shows_default();
  command.option("--checkpoint", o->experiment.checkpoint,
                 "predictor: our checkpoint or HELP's .pt; default: the one in this binary");
  command.option("--devices", o->set.devices, "devices to judge the predictor on (default: all that are no sources)");
  command.option("--predictors", o->predictors,
                 fmt::format("NAME or NAME:SAMPLES, of {} (default help)", fmt::join(predictor_names(), ", ")));
  command.option("--published", o->set.published,
                 "published Spearman: a predictor as under --predictors and one figure per device");
  command.option("--train", o->set.train, "source devices of predictors that are meta-trained here");
  command
      .option("--train-devices", o->experiment.train_devices,
              "learn from so many of them only, drawn anew for each seed; several: each")
      .within(1, 1000);
  command.option("--validate", o->set.validate, "devices that choose their best episode");
  command.option("--episodes", o->experiment.training.episodes, "of meta-training").within(1, 1000000);
  command.option("--rate", o->experiment.training.rate, "of meta-training").within(1e-12, 1.0);
  command.option("--train-seed", o->experiment.training.seed, "of meta-training");
  command
      .option(
          "--protocols", o->protocols,
          "paper: as published; strict: only the samples are known, all others asked; nasflat: the same, in its tables")
      .one_of({"paper", "strict", "nasflat"})
      .shows_default();
  command
      .option("--samples", o->samples,
              "measured samples of a device, beside its ten references; several: each (default 10, of nasflat 20)")
      .within(2, 14000);
  command.option("--seeds", o->experiment.seeds, "draws of the samples").within(1, 10000).shows_default();
  command.option("--seed", o->experiment.seed, "first seed").shows_default();
  command.option("--threads", o->experiment.threads, "0: all; does not change the result")
      .within(0, 1024)
      .shows_default();
  command.flag("--random-samples", o->random_samples, "also for predictors that would choose their samples");
  command.flag("--correlation", o->correlation, "correlation between devices instead of predictors (default: all)");
  command.flag("--predictions", o->experiment.predictions,
               "of the first draw each network's estimated and measured latency, for predictions.csv and .svg");
  command.option("--repetitions", o->repetitions,
                 "DEVICE=NAME: of a correlation, NAME is DEVICE measured again (default: the records' repeats)");
  command.option("--out", o->out, "folder for results.md, results.csv and results.json, see naslat report");
  command.flag("--json", o->json, "one JSON document");
  command.flag("--quiet", o->experiment.quiet, "no progress");
  command.footer("example: naslat evaluate --config configs/table3_help.toml --json");
  return [o] { run(*o); };
}

}  // namespace naslat
