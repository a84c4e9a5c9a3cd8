#include <fmt/format.h>

#include <string>
#include <vector>

#include "configs/json.hpp"
#include "measure/backend.hpp"
#include "measure/commands.hpp"
#include "measure/environment.hpp"
#include "measure/null_executable.hpp"
#include "measure/options.hpp"
#include "measure/statistics.hpp"
#include "spaces/network_builder.hpp"

namespace naslat {

namespace {

/// Seconds that timing one execution costs by itself: two clock reads.
double harness_cost_s() {
  NullExecutable nothing;
  std::vector<double> samples_s(1000);
  const Clock now = steady_clock();
  const double start_s = now();
  time_runs(nothing, now, 0, samples_s);
  return (now() - start_s) / static_cast<double>(samples_s.size());
}

struct Metric {
  std::string name, how;
};

std::vector<Metric> metrics(const Environment& environment, const Device& device) {
  const bool gpu = backend(device.backend).on_gpu();
  const Fact* energy = environment.find("energy_uj");
  return {{"latency", "yes: host time from submission to completed output"},
          {"device time", gpu ? "yes: between events around each run" : "no: processors have no clock of their own"},
          {"state", gpu ? "clocks, temperature, power and what holds clocks down, as far as NVML tells" : "no"},
          {"energy", energy ? "counter readable, not recorded by this version" : "no: no readable energy counter"},
          {"memory", "arena, weights and scratchpad of each network, as planned by the backend"}};
}

/// Lets the backend say what the machine cannot do of what was asked for. @throws ConfigError, DataError as compile()
void try_device(const Device& device) {
  if (!backend(device.backend).unavailable().empty()) return;  // the list says why
  NetworkBuilder net("trial", Shape{{1, 16, 8, 8}});
  const TensorId output = net.linear(net.global_average_pool(net.conv(net.input(), {.out_channels = 16})), 10);
  static_cast<void>(backend(device.backend).compile(net.build(output), device));
}

/// What a backend can measure on here; the device meant with the threads, batch, data type and so on asked for.
std::vector<Device> devices_of(const std::string& backend_name, const Device& meant) {
  std::vector<Device> devices = backend(backend_name).devices();
  for (Device& known : devices) {
    if (known.backend == meant.backend && known.hardware == meant.hardware) known = meant;
  }
  return devices;
}

Json devices_json(const Environment& environment, const Device& device, double cost_s) {
  Json json;
  for (const Fact& fact : environment.facts) {
    json["environment"][fact.name] =
        fact.missing_because.empty() ? Json(fact.value) : Json{{"missing", fact.missing_because}};
  }
  json["devices"] = Json::array();
  for (const std::string& name : backend_names()) {
    for (const Device& known : devices_of(name, device)) {
      json["devices"].push_back({{"device", device_name(known)},
                                 {"backend", name},
                                 {"hardware", known.hardware},
                                 {"threads", known.threads},
                                 {"origin", backend(name).simulated() ? "simulated" : "measured"}});
    }
    const std::string why = backend(name).unavailable();
    if (!why.empty()) json["unavailable"][name] = why;
  }
  json["metrics"] = Json::object();
  for (const Metric& metric : metrics(environment, device)) json["metrics"][metric.name] = metric.how;
  json["harness_cost_us"] = cost_s * 1e6;
  json["warnings"] = Json::array();
  for (const Warning& warning : noise_warnings(environment, device)) {
    json["warnings"].push_back({{"cause", warning.cause}, {"remedy", warning.remedy}});
  }
  return json;
}

void print_devices(const Environment& environment, const Device& device, double cost_s) {
  fmt::print("devices\n");
  for (const std::string& name : backend_names()) {
    for (const Device& known : devices_of(name, device)) {
      fmt::print("  {:<40} {}\n", device_name(known),
                 backend(name).simulated() ? "simulated: an analytic model, not this machine" : "");
    }
    const std::string why = backend(name).unavailable();
    if (!why.empty()) fmt::print("  {}\n", why);
  }
  fmt::print("\nmetrics\n");
  for (const Metric& metric : metrics(environment, device)) fmt::print("  {:<12} {}\n", metric.name, metric.how);
  fmt::print("\nenvironment\n");
  for (const Fact& fact : environment.facts) {
    fmt::print("  {:<26} {}\n", fact.name,
               fact.missing_because.empty() ? fact.value : fmt::format("({})", fact.missing_because));
  }
  fmt::print("\ncost of timing one execution: {:.3f} us\n", cost_s * 1e6);
  const std::vector<Warning> warnings = noise_warnings(environment, device);
  fmt::print("\nwhy measurements may be noisy here{}\n", warnings.empty() ? ": no reason found" : "");
  for (const Warning& warning : warnings) fmt::print("  - {}\n      remedy: {}\n", warning.cause, warning.remedy);
}

}  // namespace

Action devices_command(Command& command) {
  auto device = add_device_options(command);
  auto output = add_output_options(command);
  command.footer("Example: naslat devices --json");
  return [device, output] {
    const Device meant = device->device();
    try_device(meant);
    const Environment environment = inspect_environment(backend(meant.backend));
    const double cost_s = harness_cost_s();
    if (output->json) {
      fmt::print("{}\n", json_text(devices_json(environment, meant, cost_s), Json::error_handler_t::replace));
    } else {
      print_devices(environment, meant, cost_s);
    }
  };
}

}  // namespace naslat
