#pragma once

#include "measure/measurement.hpp"

namespace naslat {

/// A record with something in every field.
inline Measurement example_measurement() {
  Measurement m;
  m.space = "nasbench201";
  m.architecture = "|none~0|+|none~0|none~1|+|none~0|none~1|\"quoted\" ü~2|";
  m.index = 15624;
  m.device = "xeon_t2_b1_f32_fused";
  m.device_config = {.backend = "onednn",
                     .hardware = "xeon",
                     .isa = "avx2",
                     .threads = 2,
                     .mode = GraphMode::pruned,
                     .cuda_graph = true,
                     .autotune = true};
  m.environment = "00ff";
  m.campaign = "20260101T000000Z-1";
  m.repeat = 1;
  m.network_fingerprint = 0xfedcba9876543210;
  m.protocol = {.warmup_runs = 1, .discarded_runs = 2, .timed_runs = 4, .visits = 2};
  m.samples_s = {0.001, 0.0012, 0.1, 1e-9};
  m.device_samples_s = {0.0005, 0.0006, 0.05, 1e-9};
  m.anchor_s = {0.5, 0.25};
  m.disturbance = {3, 1, 0.01, 0.5};
  m.device_states.before = {.sm_clock_mhz = 1980, .clock_events = std::vector<std::string>{}};
  m.device_states.after = {.memory_clock_mhz = 2619,
                           .temperature_c = 61,
                           .power_w = 312.5,
                           .clock_events = std::vector<std::string>{"idle", "power cap"}};
  m.executable = {{"2x conv a", "1x pool b"}, 3, 1, 64, 128, 256, 0.25, {"layer 'x': fallback"}};
  m.blocks = {{{"k3_e6", Shape{{1, 16, 8, 8}}, Shape{{1, 24, 4, 4}}, "1x16x8x8: \"ü\" 1x24x4x4"}, 0.25}};
  m.flags = {"disturbed", "spikes"};
  return m;
}

}  // namespace naslat
