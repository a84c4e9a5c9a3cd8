#include "measure/backends/onednn/onednn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "configs/errors.hpp"
#include "measure/backends/onednn/executable.hpp"
#include "measure/backends/onednn/runtime.hpp"
#include "measure/environment.hpp"
#include "measure/lowering.hpp"

namespace naslat {

namespace onednn {
namespace {

/// What networks of one data type share.
struct Shelf {
  Shelf(const Runtime& runtime, Layouts::DataType dtype)
      : layouts(dtype), kernels(runtime.engine(), layouts), weights(runtime.engine(), runtime.stream(), layouts) {}

  Layouts layouts;
  Kernels kernels;
  WeightStore weights;
};

/// What lives as long as the process: the library's settings, and everything that networks share.
struct Workshop {
  explicit Workshop(const Device& device) : runtime(device) {}

  Runtime runtime;
  std::map<DataType, Shelf> shelves;
  std::shared_ptr<const MemoryBlock> arena = std::make_shared<MemoryBlock>();

  Shelf& shelf(DataType dtype) { return shelves.try_emplace(dtype, runtime, runtime.native(dtype)).first->second; }

  /// The common arena, replaced by a larger one if need be; executables keep the one they were built on.
  std::shared_ptr<const MemoryBlock> arena_of(std::size_t bytes) {
    if (arena->bytes() < bytes) arena = std::make_shared<MemoryBlock>(bytes);
    return arena;
  }
};

void check_output(const Network& network, const std::vector<float>& output) {
  if (std::all_of(output.begin(), output.end(), [](float value) { return std::isfinite(value); })) return;
  throw DataError(fmt::format("onednn: network '{}': its output is not finite", network.name));
}

class OnednnBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "onednn"; }

  [[nodiscard]] std::vector<Device> devices() const override {
    return {{.backend = name(), .hardware = processor_short_name(), .isa = "", .threads = std::max(cores_, 1)}};
  }

  [[nodiscard]] std::unique_ptr<Executable> compile(const Network& network, const Device& device) override {
    const Clock now = steady_clock();
    const double start_s = now();
    if (workshop_) {
      workshop_->runtime.require(device);
    } else {
      workshop_.emplace(device);
    }
    const Network graph = lowered(network, device);
    Shelf& shelf = workshop_->shelf(device.dtype);
    const Plan plan = make_plan(graph, device.mode == GraphMode::eager, {shelf.layouts, shelf.kernels, shelf.weights});
    const ArenaPlan offsets = plan_arena(plan);
    auto executable =
        std::make_unique<OnednnExecutable>(plan, offsets, workshop_->arena_of(offsets.bytes + scratchpad_bytes(plan)),
                                           workshop_->runtime.engine(), workshop_->runtime.stream());
    executable->set_build_s(now() - start_s);
    executable->run();
    check_output(network, executable->output());
    return executable;
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts() const override {
    const dnnl_version_t& version = *dnnl_version();
    std::vector<std::pair<std::string, std::string>> facts = {
        {"onednn", fmt::format("{}.{}.{}", version.major, version.minor, version.patch)},
        {"onednn_commit", version.hash},
        {"onednn_runtime", "OpenMP"}};
    // Asking the library would freeze its choice before a device had its say.
    if (workshop_) facts.emplace_back("onednn_isa", workshop_->runtime.effective_isa());
    return facts;
  }

 private:
  const int cores_ = static_cast<int>(usable_cores().size());  // before binding narrows what this process sees
  std::optional<Workshop> workshop_;                           // from the first compile on
};

}  // namespace
}  // namespace onednn

std::unique_ptr<Backend> make_onednn_backend() { return std::make_unique<onednn::OnednnBackend>(); }

}  // namespace naslat
