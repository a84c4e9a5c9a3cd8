#include "measure/backends/onednn/runtime.hpp"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl_debug.h>

#include <algorithm>
#include <array>
#include <vector>

#include "configs/errors.hpp"
#include "measure/affinity.hpp"

namespace naslat::onednn {

namespace {

struct IsaName {
  const char* name;
  dnnl::cpu_isa isa;
};
/// oneDNN's levels for this architecture, lowest first where they are ordered at all.
#if defined(__x86_64__)
constexpr std::array<IsaName, 11> kIsaNames = {{{"sse41", dnnl::cpu_isa::sse41},
                                                {"avx", dnnl::cpu_isa::avx},
                                                {"avx2", dnnl::cpu_isa::avx2},
                                                {"avx2_vnni", dnnl::cpu_isa::avx2_vnni},
                                                {"avx2_vnni_2", dnnl::cpu_isa::avx2_vnni_2},
                                                {"avx512_core", dnnl::cpu_isa::avx512_core},
                                                {"avx512_core_vnni", dnnl::cpu_isa::avx512_core_vnni},
                                                {"avx512_core_bf16", dnnl::cpu_isa::avx512_core_bf16},
                                                {"avx512_core_fp16", dnnl::cpu_isa::avx512_core_fp16},
                                                {"avx512_core_amx", dnnl::cpu_isa::avx512_core_amx},
                                                {"avx512_core_amx_fp16", dnnl::cpu_isa::avx512_core_amx_fp16}}};
#elif defined(__aarch64__)  // numbers of its AArch64 sources: the public enumeration has no names for them
constexpr std::array<IsaName, 4> kIsaNames = {{{"asimd", dnnl::cpu_isa{0x1}},
                                               {"sve_128", dnnl::cpu_isa{0x3}},
                                               {"sve_256", dnnl::cpu_isa{0x7}},
                                               {"sve_512", dnnl::cpu_isa{0x27}}}};
#else
constexpr std::array<IsaName, 0> kIsaNames;
#endif

constexpr int kPrimitiveCacheCapacity =
    16384;  // an MBConv space has a few thousand distinct shapes; the default is 1024

dnnl::cpu_isa parse_isa(const std::string& name) {
  if (name.empty()) return dnnl::cpu_isa::isa_default;
#if !defined(__x86_64__)  // the library's call answers "unimplemented" there
  throw ConfigError(fmt::format("isa: got '{}': limits exist on x86 processors only", name));
#endif
  const auto* const known =
      std::find_if(kIsaNames.begin(), kIsaNames.end(), [&](const IsaName& entry) { return name == entry.name; });
  if (known != kIsaNames.end()) return known->isa;
  std::vector<std::string> names;
  for (const IsaName& entry : kIsaNames) names.emplace_back(entry.name);
  throw ConfigError(fmt::format("isa: got '{}', wanted one of {}", name, fmt::join(names, ", ")));
}

/// Must be the library's first question about the processor: the answer is frozen.
void limit_isa(const std::string& name) {
  if (dnnl_set_max_cpu_isa(static_cast<dnnl_cpu_isa_t>(parse_isa(name))) == dnnl_success || name.empty()) return;
  throw DataError(fmt::format("isa: got '{}': the library has settled on another already: one process, one ISA", name));
}

std::string read_effective_isa() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  for (const IsaName& entry : kIsaNames) {
    if (entry.isa == isa) return entry.name;
  }
  return fmt::format("{:#x}", static_cast<unsigned>(isa));
}

}  // namespace

void check(dnnl_status_t status, std::string_view what) {
  if (status == dnnl_success) return;
  throw DataError(fmt::format("onednn: {}: {}", what, dnnl_status2str(status)));
}

Runtime::Runtime(const Device& device) : isa_(device.isa) {
  limit_isa(device.isa);
  bind_threads(device.threads, device.pinned);
  check(dnnl_set_verbose(0), "set_verbose");
  check(dnnl_set_primitive_cache_capacity(kPrimitiveCacheCapacity), "set_primitive_cache_capacity");
  effective_isa_ = read_effective_isa();
  engine_ = dnnl::engine(dnnl::engine::kind::cpu, 0);
  stream_ = dnnl::stream(engine_);
}

dnnl::memory::data_type Runtime::native(DataType dtype) const {
  using Type = dnnl::memory::data_type;
  if (dtype == DataType::f32) return Type::f32;
  const char* wanted = "a GPU";
#if defined(__x86_64__)
  const auto has = [](dnnl::cpu_isa isa) {
    const auto bits = static_cast<unsigned>(isa);
    return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
  };
  if (dtype == DataType::bf16) {
    if (has(dnnl::cpu_isa::avx512_core_bf16) || has(dnnl::cpu_isa::avx2_vnni_2)) return Type::bf16;
    wanted = "avx512_core_bf16 or avx2_vnni_2";
  } else if (dtype == DataType::f16) {
    if (has(dnnl::cpu_isa::avx512_core_fp16) || has(dnnl::cpu_isa::avx2_vnni_2)) return Type::f16;
    wanted = "avx512_core_fp16 or avx2_vnni_2";
  }
#endif
  throw Unsupported(fmt::format("onednn: dtype: got {}, which wants {}; this process runs {}", to_string(dtype), wanted,
                                effective_isa_));
}

void Runtime::require(const Device& device) const {
  if (device.isa != isa_) {
    static_cast<void>(parse_isa(device.isa));  // an unknown name is the clearer complaint
    const auto shown = [](const std::string& isa) { return isa.empty() ? std::string("no limit") : isa; };
    throw DataError(
        fmt::format("isa: this process runs {} already, got {}: one process, one ISA", shown(isa_), shown(device.isa)));
  }
  bind_threads(device.threads, device.pinned);
}

}  // namespace naslat::onednn
