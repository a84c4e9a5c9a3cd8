#include "measure/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "measure/statistics.hpp"

namespace naslat {

Table latency_summary(const Dataset& dataset, const std::string& space, const std::string& device,
                      const std::vector<std::string>& architectures) {
  const std::unordered_set<std::string> wanted(architectures.begin(), architectures.end());
  std::vector<const Measurement*> records;
  for (const Measurement& m : dataset.measurements) {
    if (m.space == space && m.device == device && wanted.contains(m.architecture)) records.push_back(&m);
  }
  const bool device_times =
      std::any_of(records.begin(), records.end(), [](const Measurement* m) { return !m->device_samples_s.empty(); });
  Table table{"",
              {{"latency_ms", 4},
               {"interval_ms", 4},
               {"median_ms", 4},
               {"min_ms", 4},
               {"mad_pct", 2},
               {"repeat"},
               {"flags"},
               {"architecture"}},
              {}};
  if (device_times) table.columns.insert(table.columns.begin() + 5, Column{"device_ms", 4});
  const double reference_s = dataset.reference_anchor_s(space, device);
  for (const Measurement* const record : records) {
    const Measurement& m = *record;
    std::vector<Cell> cells(5);
    if (const auto latency = corrected_latency_s(m, reference_s)) cells[0] = *latency * 1e3;
    if (!m.samples_s.empty()) {
      const double interval_s = interval_half_width(m.samples_s, m.protocol.trim_fraction);
      const double median_s = median_of(m.samples_s);
      if (std::isfinite(interval_s)) cells[1] = interval_s * 1e3;
      cells[2] = median_s * 1e3;
      cells[3] = *std::min_element(m.samples_s.begin(), m.samples_s.end()) * 1e3;
      if (median_s > 0) cells[4] = 100 * median_absolute_deviation(m.samples_s) / median_s;
    }
    if (device_times) {
      const auto device_s = device_latency_s(m);
      cells.push_back(device_s ? Cell{*device_s * 1e3} : Cell{});
    }
    cells.emplace_back(static_cast<std::int64_t>(m.repeat));
    cells.emplace_back(m.skipped ? "skipped: " + *m.skipped : fmt::format("{}", fmt::join(m.flags, ", ")));
    cells.emplace_back(m.architecture);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace naslat
