#include "measure/backends/simulated/simulated.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "configs/errors.hpp"
#include "measure/lowering.hpp"
#include "spaces/random.hpp"

namespace naslat {

namespace {

/// A device at work: its clock, and how slow it is at the moment.
class Machine {
 public:
  Machine(SimulatedDevice device, std::uint64_t seed) : device_(std::move(device)), rng_(seed) {}

  [[nodiscard]] const SimulatedDevice& device() const { return device_; }

  /// Seconds that one run of a network of this true latency takes now.
  double run_s(double latency_s) {
    const double kept = std::exp(-1 / device_.wander_runs);
    wander_ = kept * wander_ + std::sqrt(1 - kept * kept) * device_.wander * rng_.normal();
    if (device_.step > 0 && rng_.uniform() < 1 / device_.step_runs) stepped_ = !stepped_;
    double factor = std::exp(wander_ + device_.noise * rng_.normal()) * (stepped_ ? 1 + device_.step : 1);
    if (device_.spike_share > 0 && rng_.uniform() < device_.spike_share) factor *= 5;
    return latency_s * factor;
  }

 private:
  SimulatedDevice device_;
  Rng rng_;
  double wander_ = 0;
  bool stepped_ = false;
};

double bytes(const Network& network, const Layer& layer) {
  std::int64_t numbers = parameters(network, layer) + network.tensors.at(layer.output).elements();
  for (const TensorId tensor : reads(layer)) numbers += network.tensors.at(tensor).elements();
  return static_cast<double>(numbers) * sizeof(float);
}

std::vector<double> layer_latencies_s(const SimulatedDevice& simulated, const Network& graph, const Device& device) {
  if (device.dtype != DataType::f32) {
    throw Unsupported(fmt::format("simulated: dtype: got {}, wanted f32", to_string(device.dtype)));
  }
  const double speedup = std::pow(static_cast<double>(device.threads), 0.8);
  std::vector<double> latencies_s;
  for (const Layer& layer : graph.layers) {
    double macs_per_s = simulated.macs_per_s * speedup, bytes_per_s = simulated.bytes_per_s;
    if (const auto* conv = std::get_if<Convolution>(&layer.op); conv && conv->kernel == 1) {
      macs_per_s *= simulated.pointwise_speed;
    }
    if (std::holds_alternative<AveragePool>(layer.op)) bytes_per_s *= simulated.pooling_speed;
    latencies_s.push_back(simulated.launch_s + static_cast<double>(macs(graph, layer)) / macs_per_s +
                          bytes(graph, layer) / bytes_per_s);
  }
  return latencies_s;
}

class SimulatedExecutable final : public Executable {
 public:
  SimulatedExecutable(Machine& machine, double& now_s, const Network& graph, const std::vector<double>& layer_s)
      : machine_(machine), now_s_(now_s), latency_s_(std::accumulate(layer_s.begin(), layer_s.end(), 0.0)) {
    info_.kernels = {fmt::format("{}x simulated:{}", layer_s.size(), machine.device().name)};
    info_.primitives = static_cast<int>(layer_s.size());
    const std::vector<bool> constant = constant_layers(graph);
    for (const Block& block : executed_blocks(graph)) {
      const auto first = layer_s.begin() + static_cast<std::ptrdiff_t>(block.first_layer);
      block_s_.push_back(std::accumulate(first, first + static_cast<std::ptrdiff_t>(block.layer_count), 0.0));
      blocks_.push_back(block_info(graph, block, constant));
    }
  }

  void run() override { now_s_ += machine_.run_s(latency_s_); }
  [[nodiscard]] const std::vector<BlockInfo>& blocks() const override { return blocks_; }
  void run_blocks(const Clock& now, std::span<double> boundaries_s) override {
    boundaries_s[0] = now();
    const double factor = machine_.run_s(1);
    for (std::size_t b = 0; b < block_s_.size(); ++b) {
      now_s_ += factor * block_s_[b];
      boundaries_s[b + 1] = now();
    }
  }
  [[nodiscard]] std::vector<float> output() const override { return {}; }  // nothing is computed
  [[nodiscard]] const ExecutableInfo& info() const override { return info_; }

 private:
  Machine& machine_;
  double& now_s_;
  double latency_s_;
  std::vector<double> block_s_;
  std::vector<BlockInfo> blocks_;
  ExecutableInfo info_;
};

class SimulatedBackend final : public Backend {
 public:
  SimulatedBackend(std::vector<SimulatedDevice> devices, std::uint64_t seed) {
    for (SimulatedDevice& device : devices) machines_.emplace_back(std::move(device), ++seed);
  }

  [[nodiscard]] std::string name() const override { return "simulated"; }
  [[nodiscard]] bool simulated() const override { return true; }

  [[nodiscard]] std::vector<Device> devices() const override {
    std::vector<Device> list;
    for (const Machine& machine : machines_)
      list.push_back({.backend = name(), .hardware = machine.device().name, .isa = "", .pinned = false});
    return list;
  }

  [[nodiscard]] std::unique_ptr<Executable> compile(const Network& network, const Device& device) override {
    for (Machine& machine : machines_) {
      if (machine.device().name != device.hardware) continue;
      const Network graph = lowered(network, device);
      return std::make_unique<SimulatedExecutable>(machine, now_s_, graph,
                                                   layer_latencies_s(machine.device(), graph, device));
    }
    std::string known;
    for (const Machine& machine : machines_) known += (known.empty() ? "" : ", ") + machine.device().name;
    throw ConfigError(fmt::format("hardware: got '{}', wanted one of {} (simulated)", device.hardware, known));
  }

  [[nodiscard]] Clock clock() const override {
    return [this] { return now_s_; };
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts() const override {
    return {{"simulated", "analytic model, version 1; no network was executed"}};
  }

 private:
  std::vector<Machine> machines_;
  double now_s_ = 0;
};

}  // namespace

std::vector<SimulatedDevice> simulated_devices() {
  return {
      {.name = "cpu_like", .summary = "balanced", .launch_s = 1e-6, .macs_per_s = 80e9, .bytes_per_s = 30e9},
      {.name = "gpu_like",
       .summary = "each launch dear, arithmetic cheap",
       .launch_s = 8e-6,
       .macs_per_s = 4e12,
       .bytes_per_s = 600e9,
       .noise = 0.005},
      {.name = "tflite_like",
       .summary = "slow arithmetic, pooling and 1x1 slower still",
       .launch_s = 3e-6,
       .macs_per_s = 9e9,
       .bytes_per_s = 6e9,
       .pointwise_speed = 0.6,
       .pooling_speed = 0.4,
       .noise = 0.02,
       .wander = 0.01},
      {.name = "npu_like",
       .summary = "arithmetic nearly free, pooling falls back to the host",
       .launch_s = 2e-6,
       .macs_per_s = 1e12,
       .bytes_per_s = 20e9,
       .pooling_speed = 0.05,
       .noise = 0.003},
      {.name = "busy_like",
       .summary = "cpu_like on a machine that wanders and steps",
       .launch_s = 1e-6,
       .macs_per_s = 80e9,
       .bytes_per_s = 30e9,
       .wander = 0.03,
       .step = 0.08},
  };
}

double true_latency_s(const SimulatedDevice& simulated, const Network& network, const Device& device) {
  const std::vector<double> latencies_s = layer_latencies_s(simulated, lowered(network, device), device);
  return std::accumulate(latencies_s.begin(), latencies_s.end(), 0.0);
}

std::unique_ptr<Backend> make_simulated_backend() { return make_simulated_backend(simulated_devices(), 0); }

std::unique_ptr<Backend> make_simulated_backend(std::vector<SimulatedDevice> devices, std::uint64_t seed) {
  return std::make_unique<SimulatedBackend>(std::move(devices), seed);
}

}  // namespace naslat
