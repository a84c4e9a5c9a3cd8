#include "predictor/correlations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "configs/errors.hpp"
#include "configs/json.hpp"
#include "predictor/metrics.hpp"

namespace naslat {

namespace {

/// Over the networks that both have timed; NaN if they are fewer than two.
double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> of_a, of_b;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    of_a.push_back(a[i]);
    of_b.push_back(b[i]);
  }
  return of_a.size() < 2 ? std::nan("") : spearman(of_a, of_b);
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// Second measurements by device: of the records' own repeats, or of the tables named as repetitions.
class SecondMeasurements {
 public:
  SecondMeasurements(std::span<const LatencyTable> tables, const std::vector<std::string>& repetitions) {
    for (const LatencyTable& table : tables) {
      if (!table.repeated_s.empty()) latency_s_[table.device] = &table.repeated_s;
    }
    for (const std::string& text : repetitions) {
      const std::size_t equals = text.find('=');
      const std::string device = text.substr(0, equals), name = equals < text.size() ? text.substr(equals + 1) : "";
      const auto named = [&](const std::string& wanted) {
        return std::find_if(tables.begin(), tables.end(), [&](const auto& t) { return t.device == wanted; });
      };
      if (name.empty() || name == device || named(device) == tables.end() || named(name) == tables.end()) {
        throw ConfigError(
            fmt::format("repetitions: got '{}', wanted DEVICE=NAME, two devices that have a table", text));
      }
      latency_s_[device] = &named(name)->latency_s;
      names_.push_back(name);
    }
  }

  /// Nothing of a device that was measured once.
  [[nodiscard]] const std::vector<double>* of(const std::string& device) const {
    const auto found = latency_s_.find(device);
    return found == latency_s_.end() ? nullptr : found->second;
  }
  /// Whether a table is the second measurement of another device.
  [[nodiscard]] bool holds(const std::string& device) const { return contains(names_, device); }

 private:
  std::map<std::string, const std::vector<double>*> latency_s_;
  std::vector<std::string> names_;
};

double with_itself(const LatencyTable& table, const std::vector<double>& second_s) {
  const double rho = correlation(table.latency_s, second_s);
  if (std::isnan(rho)) {
    throw DataError(
        fmt::format("{}: got fewer than 2 networks that were measured twice, wanted at least 2", table.device));
  }
  return rho;
}

}  // namespace

std::string correlations_json(const std::string& experiment, std::span<const LatencyTable> tables,
                              const std::vector<std::string>& devices, const std::vector<std::string>& repetitions) {
  const SecondMeasurements second(tables, repetitions);
  for (const std::string& device : devices) {
    if (std::ranges::any_of(tables, [&](const LatencyTable& table) { return table.device == device; })) continue;
    throw ConfigError(fmt::format("device: got '{}', for which there is no table", device));
  }
  std::vector<const LatencyTable*> chosen;
  std::vector<std::string> measured_twice;
  for (const LatencyTable& table : tables) {
    if (second.holds(table.device) || (!devices.empty() && !contains(devices, table.device))) continue;
    chosen.push_back(&table);
    if (second.of(table.device)) measured_twice.push_back(table.device);
  }
  if (chosen.size() < 2 && measured_twice.empty()) {
    throw DataError(fmt::format("devices: got {} with a table, wanted at least 2, or 1 measured twice", chosen.size()));
  }
  Json results = Json::array(), notes = Json::array();
  for (const LatencyTable* row : chosen) {
    for (const LatencyTable* column : chosen) {
      const auto* second_s = row == column ? second.of(row->device) : nullptr;
      const double rho = second_s ? with_itself(*row, *second_s) : correlation(row->latency_s, column->latency_s);
      results.push_back({{"device", row->device}, {"other", column->device}, {"spearman", rho}});
    }
  }
  if (!measured_twice.empty()) {
    notes.push_back(fmt::format("diagonal: first against second measurement of {}", fmt::join(measured_twice, ", ")));
  }
  std::set<std::string> origins;
  for (const LatencyTable* const table : chosen) origins.emplace(to_string(table->origin));
  const std::string title = fmt::format("{}: Spearman between devices, {}; {} latencies", experiment, chosen[0]->space,
                                        fmt::join(origins, " and "));
  return json_text({{"experiment", title}, {"results", std::move(results)}, {"notes", std::move(notes)}});
}

}  // namespace naslat
