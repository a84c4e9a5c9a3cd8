#include "measure/backends/onednn/depthwise_trials.hpp"

#include <unordered_map>
#include <utility>
#include <vector>

#include "measure/arena.hpp"
#include "measure/backend.hpp"
#include "measure/statistics.hpp"

namespace naslat::onednn {

namespace {

constexpr int kWarmUps = 3, kRuns = 9;
constexpr double kClearWin = 0.97;

/// A kernel with memory of its own, all zeros: on processors that run these networks, products cost the same whatever
/// the factors.
class Trial {
 public:
  Trial(const Kernel& kernel, const dnnl::engine& engine) : primitive_(kernel.primitive) {
    add(DNNL_ARG_SRC, kernel.src, engine);
    add(DNNL_ARG_WEIGHTS, kernel.weights, engine);
    add(DNNL_ARG_BIAS, kernel.bias, engine);
    add(DNNL_ARG_DST, kernel.dst, engine);
    add(DNNL_ARG_ATTR_POST_OP_DW | DNNL_ARG_WEIGHTS, kernel.depthwise_weights, engine);
    add(DNNL_ARG_ATTR_POST_OP_DW | DNNL_ARG_BIAS, kernel.depthwise_bias, engine);
    const dnnl::memory::desc scratchpad({static_cast<std::int64_t>(kernel.scratchpad_bytes)},
                                        dnnl::memory::data_type::u8, dnnl::memory::format_tag::x);
    blocks_.emplace_back(kernel.scratchpad_bytes + 1, MemoryBlock::Pages::normal);
    arguments_[DNNL_ARG_SCRATCHPAD] = dnnl::memory(scratchpad, engine, blocks_.back().data());
  }

  void run(const dnnl::stream& stream) { primitive_.execute(stream, arguments_); }

 private:
  void add(int argument, Layout layout, const dnnl::engine& engine) {
    if (layout == nullptr) return;
    blocks_.emplace_back(layout->get_size(), MemoryBlock::Pages::normal);
    arguments_[argument] = dnnl::memory(*layout, engine, blocks_.back().data());
  }

  dnnl::primitive primitive_;
  std::vector<MemoryBlock> blocks_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

}  // namespace

bool DepthwiseTrials::fused_wins(const Kernel& fused, const Kernel& first, const Kernel& second) {
  const auto [result, is_new] = results_.try_emplace({&fused, &first, &second});
  if (is_new) result->second = try_out(fused, first, second);
  return result->second;
}

bool DepthwiseTrials::try_out(const Kernel& fused, const Kernel& first, const Kernel& second) const {
  Trial together(fused, engine_), one(first, engine_), other(second, engine_);
  const Clock now = steady_clock();
  std::vector<double> together_s, apart_s;
  for (int i = 0; i < kWarmUps + kRuns; ++i) {
    const double start_s = now();
    together.run(stream_);
    const double middle_s = now();
    one.run(stream_);
    other.run(stream_);
    if (i < kWarmUps) continue;
    together_s.push_back(middle_s - start_s);
    apart_s.push_back(now() - middle_s);
  }
  return median_of(std::move(together_s)) < kClearWin * median_of(std::move(apart_s));
}

}  // namespace naslat::onednn
