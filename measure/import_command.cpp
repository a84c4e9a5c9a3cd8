#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "measure/commands.hpp"
#include "measure/import.hpp"
#include "measure/measurement_text.hpp"

namespace naslat {

namespace {

struct Options {
  std::string format, path, space, out;
  std::vector<std::string> devices;
  bool json = false;
};

/// The tables of the named devices, in the named order; all of them where none is named.
std::vector<LatencyTable> of_devices(std::vector<LatencyTable> tables, const std::vector<std::string>& devices) {
  if (devices.empty()) return tables;
  std::vector<LatencyTable> chosen;
  for (const std::string& device : devices) {
    const auto found = std::ranges::find(tables, device, &LatencyTable::device);
    if (found == tables.end()) {
      std::vector<std::string> known;
      for (const LatencyTable& table : tables) known.push_back(table.device);
      throw ConfigError(fmt::format("devices: got '{}', wanted some of {}", device, fmt::join(known, ", ")));
    }
    if (std::ranges::find(chosen, device, &LatencyTable::device) == chosen.end()) chosen.push_back(*found);
  }
  return chosen;
}

void run(Options options) {
  if (options.space.empty()) options.space = options.format == "hat" ? "hat-dataset" : "nasbench201";
  if (std::filesystem::exists(options.out))
    throw ConfigError(
        fmt::format("out: '{}' is already there, wanted a new file; `naslat merge` joins datasets", options.out));
  const auto tables = of_devices(read_published_tables(options.format, options.path, options.space), options.devices);
  const Environment environment = import_environment(options.format, options.path);
  std::string text = to_line(environment) + "\n";
  std::size_t records = 0;
  import_records(tables, environment, [&](const Measurement& record) {
    text += to_line(record) + "\n";
    ++records;
  });
  if (records == 0) throw DataError(fmt::format("{}: got no latency, wanted at least one", options.path));
  write_file(options.out, text);

  std::vector<std::string> devices;
  for (const LatencyTable& table : tables) devices.push_back(table.device);
  if (options.json) {
    const Json json = {{"space", options.space}, {"format", options.format}, {"origin", to_string(Origin::imported)},
                       {"devices", devices},     {"records", records},       {"dataset", options.out}};
    fmt::print("{}\n", json_text(json, Json::error_handler_t::replace));
  } else {
    fmt::print("{} imported latencies of {} devices: {}\ndataset: {}\n", records, devices.size(),
               fmt::join(devices, ", "), options.out);
  }
}

}  // namespace

Action import_command(Command& command) {
  const auto options = std::make_shared<Options>();
  std::string formats = "what PATH is";
  for (const ImportFormat& format : import_formats()) formats += fmt::format("\n  {}: {}", format.name, format.summary);
  command.option("format", options->format, formats).required();
  command.option("path", options->path, "the folder or file").required();
  command.option("--space", options->space,
                 "search space of the architectures (default nasbench201; of hat: hat-dataset)");
  command.option("--devices", options->devices, "import these only");
  command.option("--out", options->out, "the dataset file to make").required();
  command.flag("--json", options->json, "one JSON document");
  command.footer("Example: naslat import help ../HELP --devices gold_6226 pixel2 --out help.jsonl");
  return [options] { run(*options); };
}

}  // namespace naslat
