#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "measure/progress.hpp"
#include "predictor/checkpoint.hpp"
#include "predictor/commands.hpp"
#include "predictor/help.hpp"
#include "predictor/parallel.hpp"
#include "predictor/published_tables.hpp"

namespace naslat {

namespace {

struct Options {
  std::string space = "nasbench201", predictor = "help", out;
  std::vector<std::string> data = {published_tables().string()};
  std::vector<std::string> train, validate;
  HelpTraining training{.threads = 0};
  bool json = false, quiet = false;
};

/// Of the latencies trained on, so that a checkpoint can be traced to its tables.
std::string fingerprint(const std::vector<DeviceTask>& tasks) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const DeviceTask& task : tasks) {
    for (const double value : task.latency_s) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &value, sizeof bits);
      hash = (hash ^ bits) * 0x100000001b3ULL;
    }
  }
  return fmt::format("{:016x}", hash);
}

Json description(const Options& o, const std::vector<DeviceTask>& train, const MetaTrained& result) {
  const HelpTraining& t = o.training;
  return {{"episodes", t.episodes},
          {"tasks", std::min(t.tasks, static_cast<int>(train.size()))},  // without replacement
          {"support", t.support},
          {"query", t.query},
          {"inner_steps", t.design.inner_steps},
          {"rate", t.rate},
          {"divergence_weight", t.divergence_weight},
          {"loss", "mean over tasks of query MSE + divergence_weight * KL(z)"},
          {"seed", t.seed},
          {"train", o.train},
          {"validate", o.validate},
          {"data_fingerprint", fingerprint(train)},
          {"best_episode", result.best_episode},
          {"validation_spearman", result.validation_spearman}};
}

void require(const Options& o) {
  if (o.predictor != "help") throw ConfigError(fmt::format("predictor: got '{}', wanted help", o.predictor));
  if (o.out.empty()) throw ConfigError("out: got nothing, wanted the checkpoint file to write");
  if (o.train.empty() || o.validate.empty())
    throw ConfigError("train, validate: got no devices, wanted at least 1 of each");
  std::set<std::string> named;
  for (const auto* const devices : {&o.train, &o.validate}) {
    for (const std::string& device : *devices) {
      if (!named.insert(device).second) throw ConfigError(fmt::format("train, validate: got {} twice", device));
    }
  }
  refuse_to_replace(o.out, o.data);
}

void run(Options o) {
  require(o);
  if (o.training.threads == 0) o.training.threads = all_cores();
  const SearchSpace& space = search_space(o.space);
  const std::vector<LatencyTable> tables = read_all_tables(o.data, o.space);
  const Encodings encodings = encode_all(space, *tables.at(0).architectures);
  const std::vector<DeviceTask> train = device_tasks(space, tables, o.train);
  const std::vector<DeviceTask> validate = device_tasks(space, tables, o.validate);

  const Clock now = steady_clock();
  const double started_s = now();
  Progress progress("meta-training", o.quiet);
  double best = -1;
  const MetaTrained result =
      meta_train({encodings, train, validate}, o.training, [&](int episode, double loss, double validation) {
        if (validation > best) best = validation;
        progress.update(
            static_cast<double>(episode) / o.training.episodes,
            fmt::format("episode {}, query loss {:.4f}, best validation Spearman {:.3f}", episode, loss, best));
      });
  const double took_s = now() - started_s;

  const Json training = description(o, train, result);
  write_file(o.out, serialize({o.predictor, o.space, NASLAT_VERSION, json_line(training), result.parameters}));
  if (o.json) {
    fmt::print("{}\n", json_text({{"checkpoint", o.out}, {"wall_s", took_s}, {"training", training}},
                                 Json::error_handler_t::replace));
  } else {
    fmt::print("{}: {} episodes in {:.0f} s ({:.3f} s each), best at episode {} with validation Spearman {:.4f}\n",
               o.out, o.training.episodes, took_s, took_s / o.training.episodes, result.best_episode,
               result.validation_spearman);
  }
}

}  // namespace

Action train_command(Command& command) {
  const auto o = std::make_shared<Options>();
  command.option("--space", o->space, "search space").shows_default();
  command.option("--predictor", o->predictor, "predictor to meta-train: help").shows_default();
  command
      .option("--data", o->data,
              "latency datasets, CSV tables, folders of either, clones of the HELP repository; joined")
      .shows_default();
  command.option("--train", o->train, "devices to meta-train on");
  command.option("--validate", o->validate, "devices to choose the best episode by");
  command.option("--out", o->out, "checkpoint file to write");
  HelpTraining& t = o->training;
  command.option("--episodes", t.episodes, "steps of meta-training").within(1, 1000000).shows_default();
  command.option("--tasks", t.tasks, "devices per episode").within(1, 1000).shows_default();
  command.option("--support", t.support, "samples adapted to").within(1, 1000).shows_default();
  command.option("--query", t.query, "samples judged by").within(1, 1000).shows_default();
  command.option("--inner-steps", t.design.inner_steps, "gradient steps of the adaptation")
      .within(0, 20)
      .shows_default();
  command.option("--validate-every", t.validate_every, "episodes between validations")
      .within(1, 1000000)
      .shows_default();
  command.option("--rate", t.rate, "Adam's learning rate").within(1e-12, 1.0).shows_default();
  command.option("--divergence-weight", t.divergence_weight, "weight of the z network's KL term")
      .within(0.0, 1e6)
      .shows_default();
  command.option("--seed", t.seed, "of initial weights, tasks and z").shows_default();
  command.option("--threads", t.threads, "0: all; does not change the result").within(0, 1024).shows_default();
  command.flag("--json", o->json, "one JSON document");
  command.flag("--quiet", o->quiet, "no progress");
  command.footer("example: naslat train --config configs/help_nasbench201.toml --out help.ckpt");
  return [o] { run(*o); };
}

}  // namespace naslat
