#include "predictor/published_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <map>

#include "configs/errors.hpp"
#include "measure/import.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

namespace {

namespace fs = std::filesystem;

/// What lies beside datasets was made from them.
std::vector<fs::path> csv_files(const fs::path& place) {
  if (fs::is_directory(place))
    return files_in(place, ".jsonl").empty() ? files_in(place, ".csv") : std::vector<fs::path>();
  return place.extension() == ".csv" ? std::vector{place} : std::vector<fs::path>();
}

std::vector<LatencyTable> read_place(const std::string& name, const std::string& space) {
  const fs::path named = published_folder() / name;
  const fs::path place = !fs::exists(name) && fs::exists(named) ? named : fs::path(name);
  const std::vector<fs::path> files = csv_files(place);
  if (files.empty()) return read_latency_tables(place, space);
  std::vector<LatencyTable> tables;
  for (const fs::path& file : files) {
    std::ranges::move(read_published_tables("latbench", file, space), std::back_inserter(tables));
  }
  return tables;
}

/// Latencies of several tables of several lists, by device, over one list.
class Join {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

 public:
  void add(const LatencyTable& table) {
    const std::vector<std::size_t>& positions = positions_of(table);
    LatencyTable& joined = of_device(table);
    if (joined.origin != table.origin) {
      throw DataError(fmt::format("{}: got {} and {} latencies, wanted either", table.device, to_string(joined.origin),
                                  to_string(table.origin)));
    }
    if (!joined.facts.mode) joined.facts.mode = table.facts.mode;
    add(positions, table.latency_s, joined.latency_s);
    if (!table.repeated_s.empty()) add(positions, table.repeated_s, joined.repeated_s);
    if (table.block_s.empty()) return;
    joined.facts.block_s.insert(table.facts.block_s.begin(), table.facts.block_s.end());
    joined.block_s.resize(architectures_->size());
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (joined.block_s[positions[i]].empty()) joined.block_s[positions[i]] = table.block_s[i];
    }
  }

  [[nodiscard]] std::vector<LatencyTable> tables() && {
    for (LatencyTable& table : tables_) {
      table.latency_s.resize(architectures_->size(), kNone);
      if (!table.repeated_s.empty()) table.repeated_s.resize(architectures_->size(), kNone);
      if (!table.block_s.empty()) table.block_s.resize(architectures_->size());
    }
    return std::move(tables_);
  }

 private:
  /// What is known already stays.
  void add(const std::vector<std::size_t>& positions, const std::vector<double>& latency_s,
           std::vector<double>& joined_s) const {
    joined_s.resize(architectures_->size(), kNone);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      double& known_s = joined_s[positions[i]];
      if (std::isnan(known_s)) known_s = latency_s[i];
    }
  }

  LatencyTable& of_device(const LatencyTable& table) {
    for (LatencyTable& known : tables_) {
      if (known.device == table.device) return known;
    }
    return tables_.emplace_back(LatencyTable{table.space, table.device, table.origin, architectures_, {}, table.facts});
  }

  /// Where each of the table's architectures is in the joint list; tables that share a list ask once.
  const std::vector<std::size_t>& positions_of(const LatencyTable& table) {
    if (table.architectures == last_list_) return last_positions_;
    last_list_ = table.architectures;
    last_positions_.clear();
    for (const Architecture& architecture : *table.architectures) {
      const auto [entry, is_new] = position_.try_emplace(architecture, architectures_->size());
      if (is_new) architectures_->push_back(architecture);
      last_positions_.push_back(entry->second);
    }
    return last_positions_;
  }

  std::shared_ptr<std::vector<Architecture>> architectures_ = std::make_shared<std::vector<Architecture>>();
  std::map<Architecture, std::size_t> position_;
  std::shared_ptr<const std::vector<Architecture>> last_list_;
  std::vector<std::size_t> last_positions_;
  std::vector<LatencyTable> tables_;
};

}  // namespace

fs::path published_folder() {
  const char* given = std::getenv("NASLAT_DATA");
  return given ? fs::path(given) : fs::path("../shared/data");
}

std::vector<LatencyTable> read_all_tables(const std::vector<std::string>& places, const std::string& space) {
  std::vector<LatencyTable> tables;
  for (const std::string& place : places) {
    const std::string only = place.substr(0, place.find(':'));
    const bool of_one = only != place && is_search_space(only) && !fs::exists(place);
    if (of_one && only != space) continue;
    const std::string name = of_one ? place.substr(only.size() + 1) : place;
    std::ranges::move(read_place(name, space), std::back_inserter(tables));
  }
  if (tables.empty()) throw DataError(fmt::format("data: got no place for space {}, wanted at least 1", space));
  const bool one_list = std::all_of(tables.begin(), tables.end(),
                                    [&](const auto& t) { return t.architectures == tables[0].architectures; });
  if (one_list) return tables;
  Join join;
  for (const LatencyTable& table : tables) join.add(table);
  return std::move(join).tables();
}

}  // namespace naslat
