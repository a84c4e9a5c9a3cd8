#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spaces/passes.hpp"

namespace naslat {

enum class DataType { f32, tf32, bf16, f16 };

/// The paper's h: one source of latencies. The same processor at two batch sizes, or eager and fused, is two devices.
struct Device {
  std::string backend;   ///< "onednn", "cudnn", "reference", "simulated"
  std::string hardware;  ///< short name of the processor, e.g. "xeon-6960p"
  std::string isa;       ///< upper limit of the instruction set as oneDNN names it, e.g. "avx2"; empty: what there is
  int threads = 1;
  DataType dtype = DataType::f32;
  std::int64_t batch = 1;
  GraphMode mode = GraphMode::fused;
  bool pinned = true;       ///< threads bound to cores, one each; oneDNN's only
  bool cuda_graph = false;  ///< GPUs: a run is captured once and replayed as one CUDA graph
  bool autotune = false;    ///< GPUs: engines are chosen by timing them, not by the library's heuristics

  bool operator==(const Device&) const = default;
};

[[nodiscard]] std::string_view to_string(DataType dtype);
[[nodiscard]] std::string_view to_string(GraphMode mode);
/// @throws ConfigError naming the known values
[[nodiscard]] DataType parse_data_type(std::string_view text);
[[nodiscard]] GraphMode parse_graph_mode(std::string_view text);

/// "epyc-9xx5_t2_b1_f32_fused"; an ISA limit, another backend than oneDNN, unbound threads, CUDA graphs and autotuning
/// are part of the name too.
[[nodiscard]] std::string device_name(const Device& device);

}  // namespace naslat
