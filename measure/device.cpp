#include "measure/device.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "configs/errors.hpp"

namespace naslat {

namespace {

template <typename Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Names<DataType, 4> kDataTypes = {
    {{DataType::f32, "f32"}, {DataType::tf32, "tf32"}, {DataType::bf16, "bf16"}, {DataType::f16, "f16"}}};
constexpr Names<GraphMode, 3> kGraphModes = {
    {{GraphMode::eager, "eager"}, {GraphMode::fused, "fused"}, {GraphMode::pruned, "pruned"}}};

template <typename Enum, std::size_t N>
std::string_view name_of(const Names<Enum, N>& names, Enum value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return "unknown";
}

template <typename Enum, std::size_t N>
Enum parse(const Names<Enum, N>& names, std::string_view subject, std::string_view text) {
  std::string wanted;
  for (const auto& [value, name] : names) {
    if (name == text) return value;
    wanted += fmt::format("{}{}", wanted.empty() ? "" : ", ", name);
  }
  throw ConfigError(fmt::format("{}: got '{}', wanted one of {}", subject, text, wanted));
}

}  // namespace

std::string_view to_string(DataType dtype) { return name_of(kDataTypes, dtype); }
std::string_view to_string(GraphMode mode) { return name_of(kGraphModes, mode); }
DataType parse_data_type(std::string_view text) { return parse(kDataTypes, "dtype", text); }
GraphMode parse_graph_mode(std::string_view text) { return parse(kGraphModes, "mode", text); }

std::string device_name(const Device& device) {
  std::string name = device.backend == "onednn" ? "" : device.backend + "-";
  name += fmt::format("{}_t{}_b{}_{}_{}", device.hardware, device.threads, device.batch, to_string(device.dtype),
                      to_string(device.mode));
  if (!device.isa.empty()) name += "_" + device.isa;
  if (device.backend == "onednn" && !device.pinned) name += "_unpinned";  // others bind none
  if (device.cuda_graph) name += "_graph";
  if (device.autotune) name += "_autotuned";
  return name;
}

}  // namespace naslat
