#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "measure/backend.hpp"
#include "measure/backends/onednn/plan.hpp"

namespace naslat::onednn {

/// A plan bound to memory: every argument list is ready, so that a run is a loop of calls.
class OnednnExecutable final : public Executable {
 public:
  /// @param arena at least offsets.bytes + scratchpad_bytes(plan) large
  OnednnExecutable(const Plan& plan, const ArenaPlan& offsets, std::shared_ptr<const MemoryBlock> arena,
                   const dnnl::engine& engine, const dnnl::stream& stream);
  ~OnednnExecutable() override;
  OnednnExecutable(const OnednnExecutable&) = delete;
  OnednnExecutable& operator=(const OnednnExecutable&) = delete;

  void run() override { execute(calls_); }
  [[nodiscard]] std::vector<float> output() const override;
  [[nodiscard]] const ExecutableInfo& info() const override { return info_; }
  [[nodiscard]] const std::vector<BlockInfo>& blocks() const override { return blocks_; }
  void run_blocks(const Clock& now, std::span<double> boundaries_s) override;

  /// One kernel of the run by itself, for profiles.
  [[nodiscard]] std::size_t steps() const { return calls_.size(); }
  void run_step(std::size_t step) { execute({&calls_[step], 1}); }

  void set_build_s(double build_s) { info_.build_s = build_s; }

 private:
  struct Call {
    const_dnnl_primitive_t primitive;    // null: an embedding
    int first_argument, argument_count;  // in arguments_, or the position in embeddings_
  };
  /// The rows of a table, copied: √width · row + position. The one operation the library lacks.
  struct EmbeddingCall {
    TokenEmbedding op;
    std::int64_t sequences = 0, sequence_tokens = 0;
    const float *tokens = nullptr, *table = nullptr, *positions = nullptr;
    float* rows = nullptr;

    void run() const;
  };

  void place_constants(const Plan& plan);
  EmbeddingCall embedding_call(const Step& step);
  [[nodiscard]] std::byte* address(const Operand& operand) const;
  std::vector<Call> bind(const std::vector<Step>& steps, const Plan& plan);
  dnnl_memory_t view(const Operand& operand);
  void execute(std::span<const Call> calls) const;
  void describe(const Plan& plan, const ArenaPlan& offsets);

  std::shared_ptr<const MemoryBlock> arena_;
  MemoryBlock constants_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  std::vector<std::byte*> buffers_;         // by BufferId
  std::vector<dnnl_exec_arg_t> arguments_;  // of all calls
  std::vector<dnnl_memory_t> memories_;     // owned
  struct View {
    Layout layout;
    std::size_t offset_bytes;
    dnnl_memory_t memory;
  };
  std::vector<std::vector<View>> views_;  // by BufferId
  std::vector<EmbeddingCall> embeddings_;
  std::vector<Call> calls_;
  std::vector<BlockInfo> blocks_;
  std::vector<std::size_t> block_ends_;  // in calls_
  const float* output_ = nullptr;
  std::size_t output_elements_ = 0;
  ExecutableInfo info_;
};

/// Offsets of the plan's buffers in the arena; constants have memory of their own and take no room there.
[[nodiscard]] ArenaPlan plan_arena(const Plan& plan);

/// Of the one scratchpad that all kernels share, behind the buffers in the arena.
[[nodiscard]] std::size_t scratchpad_bytes(const Plan& plan);

}  // namespace naslat::onednn
