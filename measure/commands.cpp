#include "measure/commands.hpp"

#include <fmt/format.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "configs/interrupt.hpp"
#include "configs/json.hpp"
#include "configs/reader.hpp"
#include "measure/embedding.hpp"
#include "measure/options.hpp"
#include "measure/repeatability.hpp"
#include "measure/summary.hpp"

namespace naslat {

namespace {

/// What measure and embed share: a space, a device, a protocol, a dataset file.
struct Campaign {
  std::shared_ptr<DeviceOptions> device;
  std::shared_ptr<ProtocolOptions> protocol;
  std::shared_ptr<OutputOptions> output;
  std::string name;  ///< in a file of several
  std::string space = "nasbench201", out, sweeps;
  std::vector<std::string> archs;
  std::size_t next = 0;         ///< networks to choose by what the dataset holds
  ChooseNext choose = nullptr;  ///< of commands that can choose
};

Option add_space_option(Command& command, Campaign& campaign) {
  return command.option("--space", campaign.space, "search space").shows_default();
}

std::shared_ptr<Campaign> add_campaign_options(Command& command) {
  auto campaign = std::make_shared<Campaign>();
  add_space_option(command, *campaign);
  command.option("--out", campaign->out, "dataset file (default: DEVICE-NAME.jsonl in the current folder)");
  campaign->device = add_device_options(command);
  campaign->protocol = add_protocol_options(command);
  campaign->output = add_output_options(command);
  return campaign;
}

/// A finished sweep.
struct Result {
  std::string device, path;
  Origin origin = Origin::measured;
  SweepSummary summary;
  Dataset dataset;
  std::vector<std::string> architectures;
};

std::vector<KnownLatency> known_latencies(const Dataset& dataset, const SearchSpace& space, const std::string& device) {
  std::vector<KnownLatency> known;
  const double reference_s = dataset.reference_anchor_s(space.name(), device);
  for (const Measurement& m : dataset.measurements) {
    if (m.device != device || m.space != space.name()) continue;
    if (const auto latency_s = corrected_latency_s(m, reference_s)) {
      known.push_back({space.parse(m.architecture), *latency_s});
    }
  }
  return known;
}

/// @throws DataError where the device can execute none of the networks
void require_some(const Result& result, const std::string& space) {
  const std::set<std::string> asked(result.architectures.begin(), result.architectures.end());
  std::string reason;
  for (const Measurement& m : result.dataset.measurements) {
    if (m.device != result.device || m.space != space || !asked.contains(m.architecture)) continue;
    if (!m.skipped) return;
    if (reason.empty()) reason = *m.skipped;
  }
  if (reason.empty()) return;
  throw DataError(fmt::format("{}: none of the {} networks can be measured; the first: {}", result.device,
                              result.architectures.size(), reason));
}

Result run(const Campaign& campaign, const std::vector<std::string>& archs) {
  const SearchSpace& space = search_space(campaign.space);
  std::vector<Architecture> architectures;
  if (!archs.empty() || campaign.next == 0) architectures = select_architectures(space, archs, campaign.choose);
  const Device device = campaign.device->device();
  Backend& used = backend(device.backend);
  Result result;
  result.device = campaign.device->device_name_of(device);
  result.path = campaign.out.empty() ? result.device + ".jsonl" : campaign.out;
  result.origin = used.simulated() ? Origin::simulated : Origin::measured;
  const SweepOptions options = campaign.protocol->sweep_options(result.device);
  DatasetWriter writer(result.path);
  if (campaign.next > 0) {
    architectures = campaign.choose(space, known_latencies(writer.dataset(), space, result.device), campaign.next);
  }
  for (const Architecture& architecture : architectures) result.architectures.push_back(space.format(architecture));
  Progress progress("measure " + result.device, campaign.output->quiet);
  result.summary = sweep(space, architectures, used, device, options, writer, progress);
  result.dataset = writer.dataset();
  require_some(result, campaign.space);
  return result;
}

Json to_json(const SweepSummary& summary) {
  return {{"measured", summary.measured},
          {"skipped", summary.skipped},
          {"already_there", summary.already_there},
          {"already_there_without_blocks", summary.without_blocks},
          {"timed_again", summary.timed_again},
          {"throttled", summary.throttled},
          {"wall_s", summary.wall_s},
          {"executing_s", summary.executing_s},
          {"executing_share", summary.executing_s > 0 ? Json(summary.executing_s / summary.wall_s) : Json()},
          {"anchor_spread", summary.anchor_spread > 0 ? Json(summary.anchor_spread) : Json()}};
}

Json to_json(const Repeatability& repeats) {
  return {{"networks", repeats.networks},
          {"spearman", repeats.spearman},
          {"median_difference", repeats.median_difference},
          {"p95_difference", repeats.p95_difference},
          {"flipped_pairs", repeats.flipped_pairs},
          {"spread_p90_p10", repeats.spread},
          {"grade", std::string(1, repeats.grade())}};
}

Json header_json(const Campaign& campaign, const Result& result) {
  return {{"space", campaign.space},
          {"device", result.device},
          {"origin", to_string(result.origin)},
          {"dataset", result.path},
          {"sweep", to_json(result.summary)}};
}

std::string origin_note(Origin origin) {
  return origin == Origin::measured ? "" : fmt::format(" ({}: not a real device)", to_string(origin));
}

void print_summary(const Result& result) {
  const SweepSummary& s = result.summary;
  fmt::print("{}{}: {} networks measured, {} skipped, {} already there, in {:.1f} s\n", result.device,
             origin_note(result.origin), s.measured, s.skipped, s.already_there, s.wall_s);
  if (s.without_blocks > 0) {
    fmt::print("{} of those already there have no block times; measure them into another dataset\n", s.without_blocks);
  }
  if (s.measured > 0) {
    fmt::print("{:.1f}% of the time inside network executions", 100 * s.executing_s / s.wall_s);
    if (s.anchor_spread > 0) fmt::print("; anchors spread over {:.1f}%", 100 * s.anchor_spread);
    if (s.timed_again > 0) fmt::print("; {} disturbed timings repeated", s.timed_again);
    fmt::print("\n");
  }
  if (s.throttled > 0) {
    fmt::print("{} networks were timed while the device held its clocks back (power or heat): flagged 'throttled'\n",
               s.throttled);
  }
  if (s.anchor_spread > 0.03) fmt::print("the machine drifted: use corrected latencies, and see `naslat devices`\n");
}

/// Median over the networks whose blocks were timed.
std::optional<double> median_block_share(const Result& result, const std::string& space) {
  std::vector<double> shares;
  for (const Measurement& m : result.dataset.measurements) {
    if (m.device != result.device || m.space != space) continue;
    if (const auto share = block_share(m)) shares.push_back(*share);
  }
  return shares.empty() ? std::nullopt : std::optional(median_of(std::move(shares)));
}

void print_repeatability(const Repeatability& r) {
  fmt::print(
      "two passes over {} networks: Spearman {:.4f}, differences {:.2f}% (median), {:.2f}% (95th percentile): "
      "grade {}; latency spread p90/p10 {:.2f}\n",
      r.networks, r.spearman, 100 * r.median_difference, 100 * r.p95_difference, r.grade(), r.spread);
}

void measure(const Campaign& campaign, const Result& result) {
  constexpr std::size_t kMostRows = 30;  // more are for `naslat export`
  const Table summary = latency_summary(result.dataset, campaign.space, result.device, result.architectures);
  const auto repeats = repeatability(result.dataset, campaign.space, result.device);
  const auto share = median_block_share(result, campaign.space);
  if (campaign.output->json) {
    Json json = header_json(campaign, result);
    if (repeats) json["repeatability"] = to_json(*repeats);
    if (share) json["block_share"] = *share;
    json["networks"] = parse_json(to_json(summary));
    fmt::print("{}\n", json_text(json, Json::error_handler_t::replace));
    return;
  }
  print_summary(result);
  if (summary.rows.size() <= kMostRows) fmt::print("{}", to_text(summary));
  if (repeats) print_repeatability(*repeats);
  if (share) fmt::print("blocks add up to {:.1f}% of their networks (median)\n", 100 * *share);
  fmt::print("dataset: {}\n", result.path);
}

/// Corrected latency of one architecture: the median of its repeats.
double latency_of(const Dataset& dataset, const std::string& space, const std::string& architecture,
                  const std::string& device) {
  std::vector<double> repeats_s;
  const double reference_s = dataset.reference_anchor_s(space, device);
  for (const Measurement& m : dataset.measurements) {
    if (m.device != device || m.space != space || m.architecture != architecture) continue;
    if (m.skipped) throw DataError(fmt::format("embed: reference '{}' was skipped: {}", architecture, *m.skipped));
    if (const auto latency = corrected_latency_s(m, reference_s)) repeats_s.push_back(*latency);
  }
  if (repeats_s.empty()) throw DataError(fmt::format("embed: no latency of reference '{}'", architecture));
  return median_of(std::move(repeats_s));
}

void embed_device(const Campaign& campaign) {
  const Result result = run(campaign, {"reference"});
  const SearchSpace& space = search_space(campaign.space);
  std::vector<std::string> architectures;
  std::vector<double> latencies_s;
  for (const Architecture& reference : space.references()) {
    architectures.push_back(space.format(reference));
    latencies_s.push_back(latency_of(result.dataset, campaign.space, architectures.back(), result.device));
  }
  const std::vector<double> embedding = scale_to_unit(latencies_s);
  if (campaign.output->json) {
    Json json = header_json(campaign, result);
    json["references"] = Json::array();
    for (std::size_t i = 0; i < embedding.size(); ++i) {
      json["references"].push_back(
          {{"architecture", architectures[i]}, {"latency_ms", latencies_s[i] * 1e3}, {"embedding", embedding[i]}});
    }
    json["embedding"] = embedding;
    fmt::print("{}\n", json_text(json, Json::error_handler_t::replace));
    return;
  }
  fmt::print("{}{}\n{:>12} {:>10}  {}\n", result.device, origin_note(result.origin), "latency_ms", "embedding",
             "architecture");
  for (std::size_t i = 0; i < embedding.size(); ++i) {
    fmt::print("{:>#12.6g} {:>10.4f}  {}\n", latencies_s[i] * 1e3, embedding[i], architectures[i]);
  }
  fmt::print("dataset: {}\n", result.path);
}

Option add_archs_option(Command& command, Campaign& campaign) {
  return command.option(
      "--archs", campaign.archs,
      "reference, probe[:N], all, random:N[@SEED], range:A-B, file:PATH, or an architecture's own text");
}

/// Campaigns of a file, one per [sweeps.NAME] with options of its own (space, archs, device); what says how to measure
/// and where to write is the command's. All are read before the first is measured.
std::vector<Campaign> read_sweeps(const Campaign& command, const std::string& path) {
  std::vector<Campaign> campaigns;
  for (const ConfigSection& section : read_sections(path, "sweeps")) {
    Command options;
    const auto campaign = std::make_shared<Campaign>();
    add_space_option(options, *campaign);
    add_archs_option(options, *campaign);
    campaign->device = add_device_options(options);
    std::vector<std::string> arguments;
    for (const auto& [key, values] : section.values) {
      if (values.size() == 1) {  // flags take their value in this form only
        arguments.push_back(fmt::format("--{}={}", key, values.front()));
        continue;
      }
      arguments.push_back("--" + key);
      arguments.insert(arguments.end(), values.begin(), values.end());
    }
    try {
      options.parse(arguments);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: {}: {}", section.where, section.name, error.what()));
    }
    campaign->name = section.name;
    campaign->choose = command.choose;
    campaign->protocol = command.protocol;
    campaign->output = command.output;
    campaign->out = command.out;
    static_cast<void>(select_architectures(search_space(campaign->space), campaign->archs, command.choose));
    campaigns.push_back(*campaign);
  }
  if (campaigns.empty()) throw ConfigError(fmt::format("{}: got no [sweeps.NAME], wanted at least 1", path));
  return campaigns;
}

/// Runs it in a child process: a process has one instruction set and one team of bound threads, and a GPU's driver that
/// was asked for its devices does not work in children any more.
/// @param printed receives what it prints, if not null
void in_child(const std::string& name, const std::function<void()>& work, std::FILE* printed = nullptr) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw DataError(fmt::format("{}: no child process: {}", name, std::strerror(errno)));
  if (child == 0) {
    if (printed) dup2(fileno(printed), STDOUT_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // whoever is killed twice takes it along
    work();                            // what it throws becomes the child's message and exit code
    std::fflush(stdout);
    std::_Exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    if (interrupted()) kill(child, SIGTERM);  // a terminal tells both, `kill` the parent only
  }
  if (!WIFEXITED(status)) throw DataError(fmt::format("{}: ended by signal {}", name, WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) std::exit(WEXITSTATUS(status));  // it has said why
}

/// The same for a campaign. @returns what it prints with --json
Json json_of_child(const Campaign& campaign) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(fdopen(memfd_create("json", MFD_CLOEXEC), "w+"),
                                                             std::fclose);
  if (!file) throw DataError(fmt::format("{}: no memory for its results: {}", campaign.name, std::strerror(errno)));
  in_child(
      campaign.name, [&] { measure(campaign, run(campaign, campaign.archs)); }, file.get());
  std::string text;
  std::rewind(file.get());
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) text += static_cast<char>(c);
  return {{"name", campaign.name}, {"result", parse_json(text)}};
}

void measure_all(const Campaign& command) {
  if (command.sweeps.empty()) return measure(command, run(command, command.archs));
  if (command.next || command.space != Campaign{}.space || *command.device != DeviceOptions{}) {
    throw ConfigError("sweeps: got --next, --space or a device beside it, wanted them in its [sweeps.NAME]");
  }
  const std::vector<Campaign> campaigns = read_sweeps(command, command.sweeps);
  in_child(command.sweeps, [&] {
    for (const Campaign& campaign : campaigns) static_cast<void>(campaign.device->device());
  });
  Json results = Json::array();
  for (const Campaign& campaign : campaigns) {
    if (command.output->json) {
      results.push_back(json_of_child(campaign));
    } else {
      in_child(campaign.name, [&] { print_summary(run(campaign, campaign.archs)); });
    }
  }
  if (command.output->json) fmt::print("{}\n", json_text({{"sweeps", results}}, Json::error_handler_t::replace));
}

}  // namespace

Action measure_command(Command& command, ChooseNext choose) {
  auto campaign = add_campaign_options(command);
  campaign->choose = choose;
  const Option archs = add_archs_option(command, *campaign);
  command.option("--next", campaign->next, "instead: as many networks that would teach most beside the dataset's")
      .within(1, 1000)
      .excludes(archs);
  command
      .option("--sweeps", campaign->sweeps, "instead: TOML file of [sweeps.NAME], each with space, archs and a device")
      .excludes(archs);
  command.footer("Example: naslat measure --archs reference random:60 --threads 2 --out server.jsonl");
  return [campaign] { measure_all(*campaign); };
}

Action embed_command(Command& command) {
  auto campaign = add_campaign_options(command);
  command.footer("Example: naslat embed --threads 2 --mode fused");
  return [campaign] { embed_device(*campaign); };
}

}  // namespace naslat
