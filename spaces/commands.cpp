#include "spaces/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "configs/json.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

void print_json(const Json& document) { fmt::print("{}\n", json_text(document)); }

// ---- all spaces

Json spaces_json() {
  Json list = Json::array();
  for (const auto& space : search_spaces()) {
    Json entry = {{"space", space->name()}, {"summary", space->summary()}, {"decisions", space->decisions().size()}};
    if (const auto size = space->size()) entry["architectures"] = *size;
    list.push_back(std::move(entry));
  }
  return {{"spaces", std::move(list)}};
}

void print_spaces() {
  for (const auto& space : search_spaces()) fmt::print("{:<24} {}\n", space->name(), space->summary());
}

// ---- one space

Json space_json(const SearchSpace& space) {
  Json decisions = Json::array();
  for (const Decision& decision : space.decisions()) {
    decisions.push_back({{"name", decision.name}, {"options", decision.options}});
  }
  Json references = Json::array();
  for (const Architecture& reference : space.references()) {
    const Network network = space.network(reference);
    Json entry = {
        {"architecture", space.format(reference)}, {"macs", macs(network)}, {"parameters", parameters(network)}};
    if (const auto index = space.index_of(reference)) entry["index"] = *index;
    references.push_back(std::move(entry));
  }
  return {{"space", space.name()},
          {"summary", space.summary()},
          {"decisions", std::move(decisions)},
          {"references", std::move(references)}};
}

void print_space(const SearchSpace& space) {
  fmt::print("{}: {}\n\ndecisions\n", space.name(), space.summary());
  std::size_t width = 0;
  for (const Decision& decision : space.decisions()) width = std::max(width, decision.name.size());
  for (const Decision& decision : space.decisions()) {
    fmt::print("  {:<{}} {}\n", decision.name, width, fmt::join(decision.options, " | "));
  }
  fmt::print("\nreference architectures, in the order of the hardware embedding\n  {:>7} {:>12} {:>10}  {}\n", "index",
             "MACs", "parameters", "architecture");
  for (const Architecture& reference : space.references()) {
    const Network network = space.network(reference);
    const auto index = space.index_of(reference);
    fmt::print("  {:>7} {:>12} {:>10}  {}\n", index ? fmt::format("{}", *index) : "", macs(network),
               parameters(network), space.format(reference));
  }
}

// ---- one network

Json network_json(const SearchSpace& space, const Architecture& architecture) {
  const Network network = space.network(architecture);
  Json layers = Json::array();
  const std::vector<std::int64_t> counts = parameters_of_layers(network);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    layers.push_back({{"name", layer.name},
                      {"op", describe(layer.op)},
                      {"input", network.tensors[layer.inputs[0]].dims},
                      {"output", network.tensors[layer.output].dims},
                      {"macs", macs(network, layer)},
                      {"parameters", counts[i]}});
  }
  Json document = {{"space", space.name()}, {"architecture", space.format(architecture)}};
  if (const auto index = space.index_of(architecture)) document["index"] = *index;
  document["macs"] = macs(network);
  document["parameters"] = parameters(network);
  document["fingerprint"] = fmt::format("{:016x}", fingerprint(network));
  document["layers"] = std::move(layers);
  return document;
}

void print_network(const SearchSpace& space, const Architecture& architecture) {
  const Network network = space.network(architecture);
  fmt::print("{} {}\n", space.name(), space.format(architecture));
  if (const auto index = space.index_of(architecture)) fmt::print("index {}\n", *index);
  fmt::print("\n{:<32} {:<16} {:>14} {:>14} {:>12} {:>10}\n", "layer", "operation", "input", "output", "MACs",
             "parameters");
  const std::vector<std::int64_t> counts = parameters_of_layers(network);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    fmt::print("{:<32} {:<16} {:>14} {:>14} {:>12} {:>10}\n", layer.name, describe(layer.op),
               describe(network.tensors[layer.inputs[0]]), describe(network.tensors[layer.output]),
               macs(network, layer), counts[i]);
  }
  fmt::print("\n{} layers, {} MACs, {} parameters, fingerprint {:016x}\n", network.layers.size(), macs(network),
             parameters(network), fingerprint(network));
}

struct Options {
  std::string space, architecture;
  bool json = false;
};

void run(const Options& options) {
  if (options.space.empty()) return options.json ? print_json(spaces_json()) : print_spaces();
  const SearchSpace& space = search_space(options.space);
  if (options.architecture.empty()) return options.json ? print_json(space_json(space)) : print_space(space);
  const Architecture architecture = space.parse(options.architecture);
  return options.json ? print_json(network_json(space, architecture)) : print_network(space, architecture);
}

}  // namespace

Action spaces_command(Command& command) {
  const auto options = std::make_shared<Options>();
  command.option("space", options->space, "search space, as listed by `naslat spaces`");
  command.option("architecture", options->architecture, "an architecture's text, or its index");
  command.flag("--json", options->json, "one JSON document");
  command.footer("example: naslat spaces nasbench201 1462");
  return [options] { run(*options); };
}

}  // namespace naslat
