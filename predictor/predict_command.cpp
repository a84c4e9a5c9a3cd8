#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/json.hpp"
#include "configs/table.hpp"
#include "measure/sweep.hpp"
#include "predictor/candidates.hpp"
#include "predictor/commands.hpp"
#include "predictor/fitted_device.hpp"

namespace naslat {

namespace {

struct Options {
  DeviceRequest device;
  std::vector<std::string> archs;
  std::string out;
  bool json = false, quiet = false;
};

void run(const Options& o) {
  if (o.device.data.empty() && std::filesystem::exists(o.archs.back())) {
    throw ConfigError(fmt::format("data: got none, wanted it before --archs, which took {} too", o.archs.back()));
  }
  std::vector<std::string> read = files_of(o.device);
  for (const std::string& text : o.archs) {
    if (text.starts_with("file:")) read.push_back(text.substr(5));
  }
  refuse_to_replace(o.out, read);
  const FittedDevice fitted = fit_device(o.device);
  const std::vector<Architecture> asked = select_architectures(fitted.space, o.archs, most_informative);
  const Table result = fitted.predictions(asked);
  if (!o.out.empty()) write_file(o.out, to_csv(labelled(result, fitted.device, fitted.origin)));
  if (o.json) {
    const Json document = {{"space", fitted.space.name()},       {"device", fitted.device},
                           {"origin", to_string(fitted.origin)}, {"predictor", fitted.predictor},
                           {"samples", fitted.samples},          {"networks", parse_json(to_json(result))}};
    return fmt::print("{}\n", json_text(document, Json::error_handler_t::replace));
  }
  if (o.out.empty()) return fmt::print("{}", to_text(result));
  fmt::print("{}: {} predictions\n", o.out, asked.size());
}

}  // namespace

Action predict_command(Command& command) {
  const auto o = std::make_shared<Options>();
  add_device_options(command, o->device);
  command
      .option("--archs", o->archs,
              "reference, probe[:N], all, random:N[@SEED], range:A-B, file:PATH, or an architecture's own text")
      .required();
  command.option("--out", o->out, "CSV file instead of a table");
  command.flag("--json", o->json, "one JSON document");
  command.flag("--quiet", o->quiet, "no progress, of which there is none yet");
  command.footer("example: naslat predict server.jsonl --archs random:5");
  return [o] { run(*o); };
}

}  // namespace naslat
