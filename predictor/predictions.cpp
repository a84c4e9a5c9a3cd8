#include <fmt/format.h>

#include <set>

#include "configs/errors.hpp"
#include "configs/json.hpp"
#include "configs/scatter.hpp"
#include "predictor/metrics.hpp"
#include "predictor/results.hpp"

namespace naslat {

namespace {

/// One predictor's estimates on one device.
struct Estimates {
  std::string set, predictor, protocol, device, origin;
  std::int64_t samples = 0;
  std::vector<std::string> architectures;
  std::vector<double> measured_ms, estimated_ms;
  std::vector<double> half_width_ms;  ///< none from predictors without intervals
};

std::vector<Estimates> parse(const std::string& document, const std::string& subject) try {
  std::vector<Estimates> all;
  const Json json = parse_json(document);
  if (!json.contains("predictions")) return all;
  for (const Json& entry : json.at("predictions")) {
    Estimates e{.set = entry.at("set"),
                .predictor = entry.at("predictor"),
                .protocol = entry.at("protocol"),
                .device = entry.at("device"),
                .origin = entry.value("origin", "measured or imported"),  // older files do not say
                .samples = entry.at("samples"),
                .architectures = entry.at("architectures"),
                .measured_ms = entry.at("measured_ms"),
                .estimated_ms = entry.at("estimated_ms"),
                .half_width_ms = entry.value("plus_minus_ms", std::vector<double>())};  // nor give intervals
    const std::size_t wanted = e.architectures.size(), intervals = e.half_width_ms.size();
    if (e.measured_ms.size() != wanted || e.estimated_ms.size() != wanted || (intervals > 0 && intervals != wanted)) {
      throw DataError(
          fmt::format("{}: predictions: got {} measured and {} estimated latencies and {} intervals, "
                      "wanted {}",
                      subject, e.measured_ms.size(), e.estimated_ms.size(), intervals, wanted));
    }
    all.push_back(std::move(e));
  }
  return all;
} catch (const nlohmann::json::exception& error) {
  throw DataError(fmt::format("{}: not what evaluate wrote: {}", subject, reason(error)));
}

}  // namespace

Table predictions_table(const std::string& document, const std::string& subject) {
  Table table{"",
              {{"set"},
               {"predictor"},
               {"samples"},
               {"protocol"},
               {"device"},
               {"architecture"},
               {"measured_ms"},
               {"estimated_ms"},
               {"origin"},
               {"plus_minus_ms"}},
              {}};
  for (const Estimates& e : parse(document, subject)) {
    for (std::size_t i = 0; i < e.architectures.size(); ++i) {
      table.rows.push_back({e.set, e.predictor, e.samples, e.protocol, e.device, e.architectures[i], e.measured_ms[i],
                            e.estimated_ms[i], e.origin, e.half_width_ms.empty() ? Cell() : e.half_width_ms[i]});
    }
  }
  return table;
}

std::string predictions_svg(const std::string& document, const std::string& subject) {
  std::vector<Scatter> panels;
  std::set<std::string> devices;
  for (const Estimates& e : parse(document, subject)) {
    const double rho = e.measured_ms.size() < 2 ? 0 : spearman(e.estimated_ms, e.measured_ms);
    panels.push_back({fmt::format("{}: {}, {} samples, Spearman {:.3f}", e.device, e.predictor, e.samples, rho),
                      e.origin + ", ms",
                      "estimated, ms",
                      {}});
    for (std::size_t i = 0; i < e.measured_ms.size(); ++i) {
      panels.back().dots.push_back({e.measured_ms[i], e.estimated_ms[i]});
    }
    devices.insert(e.device);
  }
  return panels.empty() ? std::string() : to_svg(panels, devices.size());
}

}  // namespace naslat
