#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "measure/device.hpp"
#include "measure/device_state.hpp"
#include "spaces/executed_blocks.hpp"
#include "spaces/network.hpp"

namespace naslat {

/// Seconds since some fixed moment. Timing code gets its clock as an argument, so that tests pass a scripted one and
/// simulated devices their own.
using Clock = std::function<double()>;

/// The process's monotonic clock.
[[nodiscard]] Clock steady_clock();

/// What was built: kept in the record, so that a reader sees which kernels a latency belongs to.
struct ExecutableInfo {
  std::vector<std::string>
      kernels;         ///< distinct implementation names with their counts, e.g. "90x conv brg_conv_fwd:avx512_core"
  int primitives = 0;  ///< executed per run, reorders included
  int reorders = 0;    ///< of them, layout changes
  std::int64_t arena_bytes = 0, weight_bytes = 0, scratchpad_bytes = 0;
  double build_s = 0;
  std::vector<std::string> notes;  ///< fallbacks: "layer 'x': post-op refused, separate addition"

  bool operator==(const ExecutableInfo&) const = default;
};

/// A network ready to run on a device: everything allocated, uploaded and chosen. Its input is resident.
class Executable {
 public:
  virtual ~Executable() = default;

  /// One execution, from submission to completed output. Allocates nothing of ours, takes no lock.
  virtual void run() = 0;

  /// The output of the last run, N×K row-major. An executable of the same backend that ran since may have overwritten
  /// it.
  [[nodiscard]] virtual std::vector<float> output() const = 0;

  [[nodiscard]] virtual const ExecutableInfo& info() const = 0;

  /// The network's blocks in the order they run, as the device's mode left them; none where they cannot be told apart.
  [[nodiscard]] virtual const std::vector<BlockInfo>& blocks() const {
    static const std::vector<BlockInfo> none;
    return none;
  }
  /// One execution that reads the clock before the first block and after each. @pre one more boundary than blocks
  virtual void run_blocks(const Clock& now, std::span<double> boundaries_s) {
    boundaries_s[0] = now();
    run();
  }

  /// Seconds between the device's own beginning and end of the last run, by its clock; nothing where it has none. Asked
  /// for after the host's clock was read.
  [[nodiscard]] virtual std::optional<double> device_run_s() const { return std::nullopt; }

  /// What the device says of itself now; never asked while a run is timed.
  [[nodiscard]] virtual DeviceState device_state() const { return {}; }
};

/// A library that turns networks into executables.
class Backend {
 public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string name() const = 0;

  /// What can be measured here with this backend: one default device per piece of hardware.
  [[nodiscard]] virtual std::vector<Device> devices() const = 0;
  /// Why there are none, or why they do not work, in one line; empty where they do.
  [[nodiscard]] virtual std::string unavailable() const { return ""; }

  /// @param network for one image (batch 1); the device's batch and mode are applied here
  /// @throws Unsupported naming the layer; DataError where the machine cannot do what the device asks for
  [[nodiscard]] virtual std::unique_ptr<Executable> compile(const Network& network, const Device& device) = 0;

  /// The clock that this backend's executions advance.
  [[nodiscard]] virtual Clock clock() const { return steady_clock(); }

  /// Whether it runs on GPUs, of which there may be several, by CUDA graphs and autotuned engines where asked for.
  [[nodiscard]] virtual bool on_gpu() const { return false; }

  /// Whether latencies come from a model instead of this machine. They are labelled wherever they are shown.
  [[nodiscard]] virtual bool simulated() const { return false; }

  /// Facts of the library that belong into the environment of a record, e.g. {"onednn", "3.7.2"}.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> facts() const { return {}; }
};

[[nodiscard]] std::vector<std::string> backend_names();
/// The one instance of a backend in this process. @throws ConfigError naming the known backends
[[nodiscard]] Backend& backend(const std::string& name);

}  // namespace naslat
