#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "configs/command.hpp"
#include "measure/backend.hpp"
#include "measure/sweep.hpp"
#include "spaces/search_space.hpp"

namespace naslat {

/// --backend --hardware --gpu --threads --batch --dtype --isa --mode --no-pin --cuda-graph --autotune --device-name:
/// which device is meant.
struct DeviceOptions {
  std::string backend = "onednn", hardware, dtype = "f32", isa, mode = "fused", name;
  int threads = 0;  ///< 0: all usable physical cores
  std::int64_t batch = 1;
  std::optional<std::size_t> gpu;  ///< place among the backend's devices, from 0
  bool no_pin = false, cuda_graph = false, autotune = false;

  /// @throws ConfigError
  [[nodiscard]] Device device() const;
  /// The given name, else one built from the device.
  [[nodiscard]] std::string device_name_of(const Device& device) const;

  bool operator==(const DeviceOptions&) const = default;
};
std::shared_ptr<DeviceOptions> add_device_options(Command& command);

/// --warmup --discard --runs --trim --visits --no-anchor --repeats --seed --blocks.
struct ProtocolOptions {
  Protocol protocol{};
  bool no_anchor = false, blocks = false;
  int repeats = 1;
  std::uint64_t seed = 0;

  /// @throws ConfigError
  [[nodiscard]] SweepOptions sweep_options(const std::string& device_name) const;
};
std::shared_ptr<ProtocolOptions> add_protocol_options(Command& command);

/// --json --quiet.
struct OutputOptions {
  bool json = false, quiet = false;
};
std::shared_ptr<OutputOptions> add_output_options(Command& command);

}  // namespace naslat
