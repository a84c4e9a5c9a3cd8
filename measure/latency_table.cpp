#include "measure/latency_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "configs/errors.hpp"
#include "measure/dataset.hpp"
#include "measure/pickle.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

namespace fs = std::filesystem;

/// HELP's folder name for a space; its lists are in the order of the published index.
constexpr std::pair<const char*, const char*> kHelpFolders[] = {{"nasbench201", "nasbench201"}};

std::shared_ptr<const std::vector<Architecture>> indexed_architectures(const SearchSpace& space) {
  std::vector<Architecture> list;
  for (std::uint64_t index = 0; index < space.size().value(); ++index) list.push_back(space.at(index));
  return std::make_shared<const std::vector<Architecture>>(std::move(list));
}

/// `path` itself or its folder `data`, whichever holds <space>/latency.
fs::path help_latency_folder(const fs::path& path, const std::string& space) {
  for (const auto& [name, folder] : kHelpFolders) {
    if (space != name) continue;
    for (const fs::path& top : {path, path / "data"}) {
      if (fs::is_directory(top / folder / "latency")) return top / folder / "latency";
    }
    throw DataError(
        fmt::format("{}: no folder {}/latency, wanted a clone of the HELP repository", path.string(), folder));
  }
  throw DataError(
      fmt::format("{}: HELP's tables of space '{}' cannot be read, only those of nasbench201", path.string(), space));
}

LatencyTable read_help_table(const fs::path& file, const std::string& space,
                             const std::shared_ptr<const std::vector<Architecture>>& architectures) {
  const pickle::Value value = pickle::read_pytorch(file);
  const pickle::List& list = value.list(file.string());
  if (list.size() != architectures->size()) {
    throw DataError(fmt::format("{}: got {} latencies, wanted {}", file.string(), list.size(), architectures->size()));
  }
  LatencyTable table{space, file.stem().string(), Origin::imported, architectures, {}};
  for (const pickle::Value& latency_ms : list) table.latency_s.push_back(latency_ms.number(file.string()) / 1e3);
  return table;
}

std::vector<LatencyTable> read_help_tables(const fs::path& path, const std::string& space) {
  const auto architectures = indexed_architectures(search_space(space));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(help_latency_folder(path, space))) {
    if (entry.path().extension() == ".pt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<LatencyTable> tables;
  for (const fs::path& file : files) tables.push_back(read_help_table(file, space, architectures));
  return tables;
}

/// One list of architectures for all devices, in order of first appearance.
std::vector<LatencyTable> read_dataset_tables(const fs::path& path, const std::string& space_name) {
  const Dataset dataset = read_dataset(path);
  const SearchSpace& space = search_space(space_name);
  std::map<std::string, std::size_t> position;
  auto architectures = std::make_shared<std::vector<Architecture>>();
  for (const Measurement& m : dataset.measurements) {
    if (m.space != space_name || !position.try_emplace(m.architecture, position.size()).second) continue;
    architectures->push_back(space.parse(m.architecture));
  }
  std::vector<LatencyTable> tables;
  for (const std::string& device : dataset.devices()) {
    LatencyTable table{space_name, device, Origin::measured, architectures,
                       std::vector<double>(position.size(), std::numeric_limits<double>::quiet_NaN())};
    const double anchor_s = dataset.reference_anchor_s(space.name(), device);
    bool any = false;
    for (const Measurement& m : dataset.measurements) {
      if (m.device != device || m.space != space_name) continue;
      if (const auto latency_s = corrected_latency_s(m, anchor_s))
        table.latency_s[position.at(m.architecture)] = *latency_s;
      table.origin = m.origin;
      any = true;
    }
    if (any) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace

std::vector<LatencyTable> read_latency_tables(const fs::path& path, const std::string& space) {
  if (!fs::exists(path)) throw DataError(fmt::format("{}: no such file or folder", path.string()));
  std::vector<LatencyTable> tables =
      fs::is_directory(path) ? read_help_tables(path, space) : read_dataset_tables(path, space);
  if (tables.empty()) throw DataError(fmt::format("{}: no latencies of space {}", path.string(), space));
  return tables;
}

}  // namespace naslat
