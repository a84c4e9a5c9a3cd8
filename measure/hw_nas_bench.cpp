#include "measure/hw_nas_bench.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string_view>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "measure/pickle.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

constexpr double kNoLatency = -1;

const char* data_set_of(const std::string& space, const std::string& path) {
  if (space == "nasbench201") return "cifar10";
  if (space == "nasbench201-cifar100") return "cifar100";
  if (space == "nasbench201-imagenet16") return "ImageNet16-120";
  throw DataError(fmt::format(
      "{}: got space {}, wanted nasbench201, nasbench201-cifar100 or nasbench201-imagenet16: HW-NAS-Bench has no "
      "latencies of other spaces' networks",
      path, space));
}

const pickle::Value& entry(const pickle::Value& dict, std::string_view key, std::string_view subject) {
  for (const auto& [name, value] : dict.dict(subject)) {
    if (const auto* text = std::get_if<std::string>(&name.data); text && *text == key) return value;
  }
  throw DataError(fmt::format("{}: no entry '{}'", subject, key));
}

/// A list of numbers or a numpy array.
std::vector<double> numbers(const pickle::Value& value, const std::string& subject) {
  if (const auto* array = std::get_if<pickle::Tensor>(&value.data)) return array->data;
  std::vector<double> list;
  for (const pickle::Value& number : value.list(subject)) list.push_back(number.number(subject));
  return list;
}

/// That the networks are in the order of the published index.
void check_networks(const pickle::Value& configs, const std::vector<Architecture>& architectures,
                    const SearchSpace& space, const std::string& subject) {
  const pickle::List& list = configs.list(subject);
  for (std::size_t i = 0; i < std::min(list.size(), architectures.size()); ++i) {
    const std::string where = fmt::format("{} {}", subject, i), wanted = space.format(architectures[i]);
    const std::string& text = entry(list[i], "arch_str", where).text(where);
    if (text != wanted) throw DataError(fmt::format("{}: got {}, wanted {}", where, text.substr(0, 120), wanted));
  }
}

std::vector<double> latencies_s(const pickle::Value& value, std::size_t count, const std::string& subject) {
  std::vector<double> latencies = numbers(value, subject);  // in milliseconds
  if (latencies.size() != count) {
    throw DataError(fmt::format("{}: got {} latencies, wanted {}", subject, latencies.size(), count));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double latency_ms = latencies[i];
    if (latency_ms != kNoLatency && !(latency_ms > 0 && std::isfinite(latency_ms))) {
      throw DataError(fmt::format("{} {}: got {}, wanted a positive number, or -1 for none", subject, i, latency_ms));
    }
    latencies[i] = latency_ms == kNoLatency ? std::numeric_limits<double>::quiet_NaN() : latency_ms / 1e3;
  }
  return latencies;
}

}  // namespace

std::vector<LatencyTable> read_hw_nas_bench(const std::filesystem::path& path, const std::string& space_name) {
  constexpr std::string_view kLatency = "_latency";
  const SearchSpace& space = search_space(space_name);
  const std::string data_set = data_set_of(space_name, path.string());
  const pickle::Value file = pickle::read_pickle(read_file(path), path.string());
  const pickle::Value& cells = entry(file, "nasbench201", path.string());
  const pickle::Value& columns = entry(cells, data_set, path.string() + ": nasbench201");

  auto architectures = std::make_shared<std::vector<Architecture>>();
  for (std::uint64_t index = 0; index < space.size().value(); ++index) architectures->push_back(space.at(index));
  std::vector<LatencyTable> tables;
  for (const auto& [key, value] : columns.dict(path.string())) {
    const std::string& column = key.text(path.string());
    const std::string subject = fmt::format("{}: {} {}", path.string(), data_set, column.substr(0, 60));
    if (column == "config") check_networks(value, *architectures, space, subject);
    if (column.size() <= kLatency.size() || !column.ends_with(kLatency)) continue;
    tables.push_back({space_name, column.substr(0, column.size() - kLatency.size()), Origin::imported, architectures,
                      latencies_s(value, architectures->size(), subject)});
  }
  if (tables.empty()) throw DataError(fmt::format("{}: {}: no entry that ends in _latency", path.string(), data_set));
  return tables;
}

}  // namespace naslat
