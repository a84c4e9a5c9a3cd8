#pragma once

#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "measure/backends/onednn/layouts.hpp"
#include "spaces/network.hpp"

namespace naslat::onednn {

/// A compiled primitive and the layouts it asks for; null where it has no such operand.
struct Kernel {
  dnnl::primitive primitive;
  std::string name;  ///< "conv brg_conv_fwd:avx512_core"
  Layout src = nullptr, weights = nullptr, bias = nullptr, dst = nullptr;
  std::size_t scratchpad_bytes = 0;
  bool slow = false;  ///< a reference or GEMM fallback: a note where it runs, and a reason to do without post-ops
};

/// An operation fused onto a kernel: sum adds what the destination held before, add a tensor of the given layout,
/// factor multiplies by a constant.
struct FusedOp {
  enum class Kind : std::uint8_t { sum, add, activation, factor } kind;
  Layout addend = nullptr;
  ActivationKind activation = ActivationKind::relu;
  float factor = 1;
};
using FusedOps = std::vector<FusedOp>;

/// Every kernel met so far, compiled once per process. A kernel that the library refuses to build is nullptr.
class Kernels {
 public:
  Kernels(const dnnl::engine& engine, Layouts& layouts) : engine_(engine), layouts_(layouts) {}

  /// Source, weights and destination in the layouts it likes best.
  const Kernel* convolution(const Convolution& op, const Shape& src, const Shape& dst, const FusedOps& fused);
  const Kernel* linear(const Linear& op, Layout src, const FusedOps& fused);
  const Kernel* batch_norm(const BatchNorm& op, Layout src, const FusedOps& fused);
  /// Average without padding in the divisor.
  const Kernel* pool(const AveragePool& op, Layout src, const Shape& dst, const FusedOps& fused);
  const Kernel* activation(ActivationKind kind, Layout src, const FusedOps& fused);
  const Kernel* affine(const Affine& op, Layout src, const FusedOps& fused);
  const Kernel* add(Layout src, Layout addend, const FusedOps& fused);
  /// The tensor times another of as many dimensions, whose extents are 1 where one factor serves all.
  const Kernel* multiply(Layout src, Layout factor, const FusedOps& fused);
  const Kernel* shuffle(const ChannelShuffle& op, Layout src);
  /// Over the last extent.
  const Kernel* layer_norm(const LayerNorm& op, Layout src);
  const Kernel* softmax(Layout src);
  /// Matrix products over the last two extents; nullptr where the library has none for these layouts.
  const Kernel* matmul(Layout src, Layout weights, Layout dst, const FusedOps& fused);
  /// Joined along the extent before the last.
  const Kernel* concat(Layout first, Layout second, Layout dst);
  const Kernel* reorder(Layout src, Layout dst);

 private:
  using Key = std::vector<std::int64_t>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  const Kernel* eltwise(const char* label, dnnl::algorithm algorithm, float alpha, float beta, Layout src,
                        const FusedOps& fused);
  template <typename Make>
  const Kernel* get(Key key, const FusedOps& fused, const char* label, const Make& make);

  dnnl::engine engine_;
  Layouts& layouts_;
  std::unordered_map<Key, std::optional<Kernel>, KeyHash> kernels_;
};

/// Whether a convolution adds a bias: its own or its folded batch norm's shift.
[[nodiscard]] inline bool has_bias(const Convolution& op) { return op.bias || !op.folded_batch_norm.empty(); }

/// Extents of a convolution's kernel as oneDNN wants them: out×in×k×k, with groups in front where there are several.
[[nodiscard]] Layouts::Dims kernel_dims(const Convolution& op, std::int64_t in_channels);

}  // namespace naslat::onednn
