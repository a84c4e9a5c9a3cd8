#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "measure/backend.hpp"

namespace naslat {

/// An analytic device: each executed layer costs a launch, its arithmetic and its memory traffic; the sum is multiplied
/// by how slow the device is at that moment. Nothing is computed. Equal seeds give equal latencies.
struct SimulatedDevice {
  std::string name, summary;
  double launch_s = 0;
  double macs_per_s = 1e9, bytes_per_s = 1e9;
  double pointwise_speed = 1;  ///< arithmetic of 1x1 convolutions, relative to 3x3
  double pooling_speed = 1;    ///< memory traffic of pooling, relative to other layers
  double noise = 0.01;         ///< white, per run, relative
  double wander = 0;           ///< slow drift of the speed, relative standard deviation
  double wander_runs = 3000;   ///< its time constant
  double step = 0;             ///< sudden change of the speed to 1 or 1 + step
  double step_runs = 2000;     ///< mean distance of steps
  double spike_share = 0;      ///< share of runs that take five times as long
};

/// Devices that differ in what is dear on them, under the names `naslat devices` lists.
[[nodiscard]] std::vector<SimulatedDevice> simulated_devices();

[[nodiscard]] std::unique_ptr<Backend> make_simulated_backend();
[[nodiscard]] std::unique_ptr<Backend> make_simulated_backend(std::vector<SimulatedDevice> devices, std::uint64_t seed);

/// Latency of a network on an undisturbed device, seconds: what measurements should find. @throws Unsupported
[[nodiscard]] double true_latency_s(const SimulatedDevice& simulated, const Network& network, const Device& device);

}  // namespace naslat
