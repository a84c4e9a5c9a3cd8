#include "reports/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "measure/options.hpp"
#include "predictor/results.hpp"
#include "reports/characterize.hpp"
#include "reports/html.hpp"

namespace naslat {

namespace {

namespace fs = std::filesystem;

struct CharacterizeArguments {
  std::string space = "nasbench201", predictor = "additive", out;
  std::size_t samples = 20, held_out = 50;
  std::optional<std::size_t> most_samples;
  double target_error_pct = 5;
  std::shared_ptr<DeviceOptions> device;
  std::shared_ptr<ProtocolOptions> protocol;
  std::shared_ptr<OutputOptions> output;
};

/// An unfinished report's dataset is resumed; a finished one steps aside, so that the machine is measured anew.
void make_room(const fs::path& folder) {
  if (!fs::exists(folder / "report.json")) return;
  for (int number = 1;; ++number) {
    const fs::path aside = folder / fmt::format("earlier-{}", number);
    if (fs::exists(aside)) continue;
    fs::create_directories(aside);
    for (const char* name : {"report.json", "report.md", "report.html", "dataset.jsonl", "predictions.csv",
                             "networks.csv", kHeldOutPicture}) {
      if (fs::exists(folder / name)) fs::rename(folder / name, aside / name);
    }
    return;
  }
}

void run_characterize(const CharacterizeArguments& arguments) {
  constexpr std::size_t kMostSamples = 60;
  if (arguments.most_samples && *arguments.most_samples < arguments.samples) {
    throw ConfigError(fmt::format("max-samples: got {}, wanted at least the {} of --samples", *arguments.most_samples,
                                  arguments.samples));
  }
  const SearchSpace& space = search_space(arguments.space);
  const Device device = arguments.device->device();
  CharacterizeOptions options{
      .predictor = arguments.predictor,
      .samples = arguments.samples,
      .most_samples = arguments.most_samples.value_or(std::max(kMostSamples, arguments.samples)),
      .target_error = arguments.target_error_pct / 100,
      .held_out = arguments.held_out,
      .seed = arguments.protocol->seed,
      .quiet = arguments.output->quiet};
  options.device_name = arguments.device->device_name_of(device);
  options.sweep = arguments.protocol->sweep_options(options.device_name);
  options.folder = arguments.out.empty() ? "naslat-" + options.device_name : arguments.out;
  make_room(options.folder);
  const DeviceReport report = characterize(space, backend(device.backend), device, options);
  write_report(report, options.folder);
  if (arguments.output->json) {
    fmt::print("{}", to_json(report));
  } else {
    fmt::print("{}report      {}\n", summary(report), (options.folder / "report.md").string());
  }
}

struct ReportArguments {
  std::string folder, format = "md";
};

/// Results of an experiment have a picture where it kept its predictions.
void report_experiment(const fs::path& file, const std::string& format) {
  const std::string document = read_file(file);
  const std::string subject = file.string(), markdown = results_markdown(document, subject);
  if (format == "md") fmt::print("{}", markdown);
  if (format == "csv") fmt::print("{}", to_csv(results_table(document, subject)));
  if (format == "json") fmt::print("{}", document);
  const Picture picture{"predictions.svg", predictions_svg(document, subject)};
  if (format == "html") {
    const std::string shown = picture.svg.empty() ? "" : fmt::format("\n![predictions]({})\n", picture.file);
    fmt::print("{}", html_page(results_table(document, subject).title, markdown + shown, {&picture, 1}));
  }
  if (format == "svg" && picture.svg.empty()) {
    throw ConfigError(fmt::format(
        "format: got svg for {}, wanted md, csv, json or html, or an experiment with --predictions", subject));
  }
  if (format == "svg") fmt::print("{}", picture.svg);
}

void run_report(const ReportArguments& arguments) {
  if (arguments.folder.empty()) throw ConfigError("folder: got nothing, wanted a report directory");
  const fs::path results = fs::path(arguments.folder) / "results.json";
  if (fs::exists(results)) return report_experiment(results, arguments.format);
  const fs::path file = fs::path(arguments.folder) / "report.json";
  if (!fs::exists(file)) {
    throw DataError(
        fmt::format("{}: got neither report.json nor results.json, wanted a directory that characterize or "
                    "evaluate --out wrote",
                    arguments.folder));
  }
  const std::string document = read_file(file);
  const DeviceReport report = parse_device_report(document, file.string());
  if (arguments.format == "md") fmt::print("{}", to_markdown(report));
  if (arguments.format == "csv") fmt::print("{}", to_csv(measured_networks(report)));
  if (arguments.format == "json") fmt::print("{}", document);
  if (arguments.format == "svg") fmt::print("{}", held_out_svg(report));
  if (arguments.format == "html") fmt::print("{}", to_html(report));
}

}  // namespace

Action characterize_command(Command& command) {
  const auto arguments = std::make_shared<CharacterizeArguments>();
  command.option("--space", arguments->space, "search space").shows_default();
  command.option("--out", arguments->out, "report directory; default: naslat-<device>");
  command.option("--predictor", arguments->predictor, "additive: any space, with error bars; help: the paper's")
      .one_of({"additive", "help"})
      .shows_default();
  command.option("--samples", arguments->samples, "networks the predictor is adapted to, beside the ten references")
      .within(2, 1000)
      .shows_default();
  command
      .option("--target-error", arguments->target_error_pct,
              "percent: more networks are timed until half of the 90% intervals are as narrow")
      .within(0.0, 1000.0)
      .shows_default();
  command.option("--max-samples", arguments->most_samples, "but no more than so many (default 60)").within(2, 1000);
  command.option("--held-out", arguments->held_out, "networks timed to check the predictions")
      .within(2, 10000)
      .shows_default();
  arguments->device = add_device_options(command);
  arguments->protocol = add_protocol_options(command);
  arguments->output = add_output_options(command);
  command.footer("example: naslat characterize --threads 2 --mode fused");
  return [arguments] { run_characterize(*arguments); };
}

Action report_command(Command& command) {
  const auto arguments = std::make_shared<ReportArguments>();
  command.option("folder", arguments->folder, "directory that characterize or evaluate --out wrote");
  command.option("--format", arguments->format, "md, csv, json, svg or html")
      .one_of({"md", "csv", "json", "svg", "html"})
      .shows_default();
  command.flag(
      "--json", [arguments] { arguments->format = "json"; }, "the same as --format json");
  command.footer("example: naslat report naslat-xeon_t2_b1_f32_fused --format csv");
  return [arguments] { run_report(*arguments); };
}

}  // namespace naslat
