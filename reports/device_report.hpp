#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "configs/table.hpp"
#include "measure/environment.hpp"

namespace naslat {

/// One network in a report: what it is, what it took, what was predicted.
struct NetworkRow {
  std::string architecture;
  std::optional<std::uint64_t> index{};
  std::optional<double> measured_s{}, predicted_s{};
  std::optional<double> half_width_s{};  ///< of the prediction's 90% interval
  std::optional<double> macs{};          ///< of networks that were searched for
};

/// How well the predictor did on networks it had not seen, all untrimmed (protocol `strict`).
struct HeldOut {
  std::size_t count = 0;
  double spearman = 0, kendall = 0, median_ape = 0, within_5pct = 0, within_10pct = 0;
  std::optional<double> coverage90{};  ///< share within their 90% intervals, if the predictor gives any
};

/// How noisy the machine was while it was measured.
struct Noise {
  std::optional<double>
      anchor_spread{};               ///< (95th - 5th percentile) / median of the anchor network's latency, if timed
  double median_relative_mad = 0;    ///< median over networks of MAD / median of their raw samples
  std::size_t flagged_networks = 0;  ///< records with any flag
  std::size_t networks = 0;          ///< records; earlier reports do not say
};

/// Everything `naslat characterize` found out about a device.
struct DeviceReport {
  std::string space, device, origin, predictor;
  std::vector<Fact> settings{};  ///< what makes the device what it is, and the protocol; earlier reports have none
  Environment environment;
  std::vector<Warning> warnings;
  std::vector<double> embedding;  ///< V_h, one per reference
  std::vector<NetworkRow> references, samples, held_out;
  HeldOut accuracy;
  Noise noise;
  std::uint64_t predicted_networks = 0;
  std::optional<double> error_bar{};         ///< median half-width of their 90% intervals, relative
  double target_error = 0;                   ///< what it was to be at most
  std::vector<NetworkRow> fastest, slowest;  ///< by predicted latency
  std::vector<NetworkRow> found;             ///< no other has as many MACs in as little time; then timed; fastest first
  double wall_s = 0, adapt_s = 0;            ///< in all; of it, adapting and predicting the whole space
};

/// @param rows all with both latencies
[[nodiscard]] HeldOut judge(const std::vector<NetworkRow>& rows);

/// @throws DataError naming the field that is missing or of the wrong type
[[nodiscard]] DeviceReport parse_device_report(const std::string& json, const std::string& subject);
[[nodiscard]] std::string to_json(const DeviceReport& report);

/// A few lines for the end of the command.
[[nodiscard]] std::string summary(const DeviceReport& report);
[[nodiscard]] std::string to_markdown(const DeviceReport& report);
/// The same on a page that needs no file beside it.
[[nodiscard]] std::string to_html(const DeviceReport& report);
/// References, samples and held-out networks in one table, with a column that says which is which.
[[nodiscard]] Table measured_networks(const DeviceReport& report);
/// The file that the Markdown refers to.
inline constexpr auto kHeldOutPicture = "held_out.svg";
/// Measured against predicted latency of the held-out networks, one dot each, with the diagonal.
[[nodiscard]] std::string held_out_svg(const DeviceReport& report);

}  // namespace naslat
