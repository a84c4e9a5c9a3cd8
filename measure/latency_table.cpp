#include "measure/latency_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

#include "configs/errors.hpp"
#include "measure/dataset.hpp"
#include "measure/pickle.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

namespace fs = std::filesystem;

using Architectures = std::shared_ptr<const std::vector<Architecture>>;

Architectures indexed_architectures(const SearchSpace& space, const fs::path&) {
  std::vector<Architecture> list;
  for (std::uint64_t index = 0; index < space.size().value(); ++index) list.push_back(space.at(index));
  return std::make_shared<const std::vector<Architecture>>(std::move(list));
}

/// @throws DataError where the file's architecture is none of the space
Architecture parse_listed(const SearchSpace& space, const std::string& text, const fs::path& file) {
  try {
    return space.parse(text);
  } catch (const ConfigError& error) {
    throw DataError(fmt::format("{}: {}", file.string(), error.what()));
  }
}

/// arch.pt: a list of lists of 22 candidate indices.
Architectures listed_fbnets(const SearchSpace& space, const fs::path& folder) {
  const fs::path file = folder / "arch.pt";
  const pickle::Value value = pickle::read_pytorch(file);
  std::vector<Architecture> list;
  for (const pickle::Value& entry : value.list(file.string())) {
    std::vector<std::int64_t> choices;
    for (const pickle::Value& choice : entry.list(file.string())) choices.push_back(choice.integer(file.string()));
    list.push_back(parse_listed(space, fmt::format("{}", fmt::join(choices, " ")), file));
  }
  return std::make_shared<const std::vector<Architecture>>(std::move(list));
}

/// ofa_archs.pt: {"arch": [{"ks": 20 kernels, "e": 20 expansions, "d": 5 depths, "r": resolution}]}, kernels and
/// expansions of blocks beyond their stage's depth included.
Architectures listed_mobilenetv3s(const SearchSpace& space, const fs::path& folder) {
  constexpr std::size_t kStages = 5, kBlocksPerStage = 4;
  const fs::path file = folder / "ofa_archs.pt";
  const std::string name = file.string();
  const pickle::Value value = pickle::read_pytorch(file);
  std::vector<Architecture> list;
  for (const pickle::Value& entry : value.at("arch").list(name)) {
    const auto part = [&](const char* key, std::size_t count) -> const pickle::List& {
      const pickle::List& values = entry.at(key).list(name);
      if (values.size() != count) {
        throw DataError(fmt::format("{}: {}: got {} values, wanted {}", name, key, values.size(), count));
      }
      return values;
    };
    const pickle::List& depths = part("d", kStages);
    const auto digits = [&](const char* key) {
      const pickle::List& values = part(key, kStages * kBlocksPerStage);
      std::string text;
      for (std::size_t b = 0; b < values.size(); ++b) {
        if (b > 0 && b % kBlocksPerStage == 0) text += ',';
        const bool used = static_cast<std::int64_t>(b % kBlocksPerStage) < depths[b / kBlocksPerStage].integer(name);
        text += used ? fmt::format("{}", values[b].integer(name)) : ".";
      }
      return text;
    };
    const pickle::Value& r = entry.at("r");  // a number, or a list of one
    const std::int64_t resolution =
        std::holds_alternative<pickle::List>(r.data) ? part("r", 1)[0].integer(name) : r.integer(name);
    list.push_back(parse_listed(space, fmt::format("r={} k={} e={}", resolution, digits("ks"), digits("e")), file));
  }
  return std::make_shared<const std::vector<Architecture>>(std::move(list));
}

/// A space's folder in a clone of the HELP repository, and how its list of architectures is read.
struct HelpFolder {
  const char* space;
  const char* folder;
  Architectures (*architectures)(const SearchSpace&, const fs::path&);
};
constexpr HelpFolder kHelpFolders[] = {{"nasbench201", "nasbench201", indexed_architectures},
                                       {"fbnet", "fbnet", listed_fbnets},
                                       {"mobilenetv3", "ofa", listed_mobilenetv3s}};

const HelpFolder& help_folder(const fs::path& path, const std::string& space) {
  for (const HelpFolder& known : kHelpFolders) {
    if (space == known.space) return known;
  }
  throw DataError(fmt::format("{}: HELP has no tables of space '{}', only of nasbench201, fbnet and mobilenetv3",
                              path.string(), space));
}

/// The folder within `path` itself or its folder `data`, whichever holds latencies.
std::optional<fs::path> find_folder(const fs::path& path, const HelpFolder& wanted) {
  for (const fs::path& top : {path, path / "data"}) {
    if (fs::is_directory(top / wanted.folder / "latency")) return top / wanted.folder;
  }
  return std::nullopt;
}

bool is_help_clone(const fs::path& path) {
  return std::ranges::any_of(kHelpFolders,
                             [&](const HelpFolder& known) { return find_folder(path, known).has_value(); });
}

LatencyTable read_help_table(const fs::path& file, const std::string& space, const Architectures& architectures) {
  const pickle::Value value = pickle::read_pytorch(file);
  const pickle::List& list = value.list(file.string());
  if (list.size() != architectures->size()) {
    throw DataError(fmt::format("{}: got {} latencies, wanted {}", file.string(), list.size(), architectures->size()));
  }
  LatencyTable table{space, file.stem().string(), Origin::imported, architectures, {}};
  for (const pickle::Value& entry : list) {
    const double latency_ms = entry.number(file.string());
    if (!(latency_ms > 0) || !std::isfinite(latency_ms)) {
      throw DataError(fmt::format("{}: latency {}: got {} ms, wanted a positive number", file.string(),
                                  table.latency_s.size(), latency_ms));
    }
    table.latency_s.push_back(latency_ms / 1e3);
  }
  return table;
}

std::vector<LatencyTable> read_help_tables(const fs::path& path, const std::string& space) {
  const HelpFolder& wanted = help_folder(path, space);
  const std::optional<fs::path> folder = find_folder(path, wanted);
  if (!folder) {
    throw DataError(
        fmt::format("{}: no folder {}/latency and no dataset, wanted a clone of the HELP repository or datasets",
                    path.string(), wanted.folder));
  }
  const Architectures architectures = wanted.architectures(search_space(space), *folder);
  std::vector<LatencyTable> tables;
  for (const fs::path& file : files_in(*folder / "latency", ".pt")) {
    tables.push_back(read_help_table(file, space, architectures));
  }
  return tables;
}

std::map<std::uint64_t, double> mean_times(const std::vector<BlockTimes>& networks) {
  std::map<std::uint64_t, std::pair<double, int>> sums;
  for (const BlockTimes& times : networks) {
    for (const auto& [block, time_s] : times) {
      sums[block].first += time_s;
      ++sums[block].second;
    }
  }
  std::map<std::uint64_t, double> means;
  for (const auto& [block, sum] : sums) means.emplace(block, sum.first / sum.second);
  return means;
}

/// One list of architectures for all devices, in order of first appearance.
std::vector<LatencyTable> read_dataset_tables(const fs::path& path, const std::string& space_name) {
  const Dataset dataset = read_dataset(path);
  const SearchSpace& space = search_space(space_name);
  std::map<std::string, std::size_t> position;
  auto architectures = std::make_shared<std::vector<Architecture>>();
  for (const Measurement& m : dataset.measurements) {
    if (m.space != space_name || !position.try_emplace(m.architecture, position.size()).second) continue;
    architectures->push_back(parse_listed(space, m.architecture, path));
  }
  std::vector<LatencyTable> tables;
  for (const std::string& device : dataset.devices()) {
    const std::vector<double> none(position.size(), std::numeric_limits<double>::quiet_NaN());
    LatencyTable table{space_name, device, Origin::measured, architectures, none};
    const double anchor_s = dataset.reference_anchor_s(space.name(), device);
    bool any = false;
    for (const Measurement& m : dataset.measurements) {
      if (m.device != device || m.space != space_name) continue;
      const std::size_t i = position.at(m.architecture);
      if (const auto latency_s = corrected_latency_s(m, anchor_s); latency_s && m.repeat <= 1) {
        if (m.repeat == 1 && table.repeated_s.empty()) table.repeated_s = none;
        (m.repeat == 0 ? table.latency_s : table.repeated_s)[i] = *latency_s;
        if (m.repeat == 0 && !m.blocks.empty()) {
          table.block_s.resize(position.size());
          table.block_s[i] = block_times(m, *latency_s);
        }
      }
      table.origin = m.origin;
      if (m.origin != Origin::imported) table.facts.mode = m.device_config.mode;
      any = true;
    }
    table.facts.block_s = mean_times(table.block_s);
    if (any) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace

std::vector<fs::path> files_in(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

BlockTimes block_times(const Measurement& m, double latency_s) {
  BlockTimes times;
  double sum_s = 0;
  for (const BlockLatency& timed : m.blocks) {
    if (timed.block.layers.empty()) return {};
    times.emplace_back(block_id(timed.block.layers), timed.latency_s);
    sum_s += timed.latency_s;
  }
  if (!(sum_s > 0)) return {};
  for (auto& [block, time_s] : times) time_s *= latency_s / sum_s;
  return times;
}

std::vector<LatencyTable> read_latency_tables(const fs::path& path, const std::string& space) {
  if (!fs::exists(path)) throw DataError(fmt::format("{}: no such file or folder", path.string()));
  std::vector<LatencyTable> tables;
  std::vector<fs::path> datasets = {path};
  if (fs::is_directory(path)) datasets = is_help_clone(path) ? std::vector<fs::path>() : files_in(path, ".jsonl");
  for (const fs::path& dataset : datasets) {
    std::ranges::move(read_dataset_tables(dataset, space), std::back_inserter(tables));
  }
  if (datasets.empty()) tables = read_help_tables(path, space);
  if (tables.empty()) throw DataError(fmt::format("{}: no latencies of space {}", path.string(), space));
  return tables;
}

}  // namespace naslat
