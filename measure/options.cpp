#include "measure/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "configs/errors.hpp"
#include "configs/files.hpp"

namespace naslat {

namespace {

/// What only some backends have must not become part of another's records.
void refuse_options_of_others(const DeviceOptions& options) {
  struct Owned {
    const char* option;
    bool given;
    std::vector<std::string> owners;
  };
  for (const auto& [option, given, owners] : {Owned{"gpu", options.gpu.has_value(), {"cudnn"}},
                                              {"cuda-graph", options.cuda_graph, {"cudnn"}},
                                              {"autotune", options.autotune, {"cudnn"}},
                                              {"isa", !options.isa.empty(), {"onednn"}},
                                              {"no-pin", options.no_pin, {"onednn"}},
                                              {"threads", options.threads > 1, {"onednn", "simulated"}}}) {
    if (given && std::ranges::find(owners, options.backend) == owners.end()) {
      throw ConfigError(
          fmt::format("{}: got backend '{}', wanted {}", option, options.backend, fmt::join(owners, " or ")));
    }
  }
}

}  // namespace

Device DeviceOptions::device() const {
  constexpr std::int64_t kMostImages = 65536;
  if (batch < 1 || batch > kMostImages) {
    throw ConfigError(fmt::format("batch: got {}, wanted 1..{}", batch, kMostImages));
  }
  const auto unfit = [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!is_utf8(name) || std::ranges::any_of(name, unfit)) {
    throw ConfigError("device-name: wanted UTF-8 without slashes and control characters");
  }
  if (threads < 0 || threads > 4096) throw ConfigError(fmt::format("threads: got {}, wanted 1..4096", threads));
  const std::vector<Device> known = naslat::backend(backend).devices();
  refuse_options_of_others(*this);
  if (known.empty()) {
    const std::string why = naslat::backend(backend).unavailable();
    throw DataError(why.empty() ? fmt::format("{}: nothing can be measured with it here", backend) : why);
  }
  if (gpu && *gpu >= known.size()) {
    throw ConfigError(fmt::format("gpu: got {}, wanted 0..{} (see `naslat devices`)", *gpu, known.size() - 1));
  }
  Device device = known[gpu.value_or(0)];
  for (const Device& candidate : known) {
    if (candidate.hardware == hardware) device = candidate;
  }
  if (!hardware.empty() && device.hardware != hardware) {
    std::string names;
    for (const Device& candidate : known) names += (names.empty() ? "" : ", ") + candidate.hardware;
    throw ConfigError(fmt::format("hardware: got '{}', wanted one of {}", hardware, names));
  }
  if (threads > 0) device.threads = threads;
  device.batch = batch;
  device.dtype = parse_data_type(dtype);
  device.mode = parse_graph_mode(mode);
  device.isa = isa;
  if (no_pin) device.pinned = false;
  device.cuda_graph = cuda_graph;
  device.autotune = autotune;
  return device;
}

std::string DeviceOptions::device_name_of(const Device& device) const {
  return name.empty() ? device_name(device) : name;
}

std::shared_ptr<DeviceOptions> add_device_options(Command& command) {
  auto options = std::make_shared<DeviceOptions>();
  command.option("--backend", options->backend, fmt::format("{} (default onednn)", fmt::join(backend_names(), ", ")));
  const Option hardware =
      command.option("--hardware", options->hardware, "which of the backend's devices (see `naslat devices`)");
  command.option("--gpu", options->gpu, "which GPU, by its place in `naslat devices` (default 0)").excludes(hardware);
  command.option("--threads", options->threads, "threads (default: physical cores this process may use)");
  command.option("--batch", options->batch, "images per run (default 1)");
  command.option("--dtype", options->dtype, "f32, or tf32, bf16, f16 where the backend has it");
  command.option("--isa", options->isa, "upper limit of the instruction set: sse41, avx2, avx512_core, ...");
  command.option("--mode", options->mode, "eager, fused or pruned (default fused)");
  command.flag("--no-pin,!--pin", options->no_pin,
               "leave threads where the system puts them; --pin (default): on cores");
  command.flag("--cuda-graph", options->cuda_graph, "GPUs: replay each network as one CUDA graph: another device");
  command.flag("--autotune", options->autotune, "GPUs: choose engines by timing them: another device");
  command.option("--device-name", options->name, "name in the dataset (default: built from the above)");
  return options;
}

SweepOptions ProtocolOptions::sweep_options(const std::string& device_name) const {
  SweepOptions options;
  options.protocol = protocol;
  options.protocol.anchor = !no_anchor;
  validate(options.protocol);
  if (repeats < 1 || repeats > 1000) throw ConfigError(fmt::format("repeats: got {}, wanted 1..1000", repeats));
  options.repeats = repeats;
  options.seed = seed;
  options.blocks = blocks;
  options.device_name = device_name;
  return options;
}

std::shared_ptr<ProtocolOptions> add_protocol_options(Command& command) {
  auto options = std::make_shared<ProtocolOptions>();
  command.option("--warmup", options->protocol.warmup_runs, "runs that activate the device (default 50)");
  command.option("--discard", options->protocol.discarded_runs, "measurements discarded after them (default 10)");
  command.option("--runs", options->protocol.timed_runs, "timed runs per network (default 50)");
  command.option("--trim", options->protocol.trim_fraction, "share dropped at either end (default 0.1)");
  command.option("--visits", options->protocol.visits, "visits the timed runs are split into (default 5)");
  command.flag("--no-anchor", options->no_anchor, "no anchor networks; with --visits 1 the paper's literal order");
  command.option("--repeats", options->repeats, "passes over all networks (default 1)");
  command.flag("--blocks", options->blocks, "also record each block's time, which makes predictions better");
  command.option("--seed", options->seed, "of the visiting order (default 0)");
  return options;
}

std::shared_ptr<OutputOptions> add_output_options(Command& command) {
  auto options = std::make_shared<OutputOptions>();
  command.flag("--json", options->json, "one JSON document on stdout");
  command.flag("--quiet", options->quiet, "no progress on stderr");
  return options;
}

}  // namespace naslat
