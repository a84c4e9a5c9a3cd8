#include "measure/backends/onednn/kernels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>

namespace naslat::onednn {

namespace {

using dnnl::algorithm;
using Dims = Layouts::Dims;
constexpr auto kInference = dnnl::prop_kind::forward_inference;

enum KernelKind : std::int64_t {
  kConvolution,
  kLinear,
  kBatchNorm,
  kPool,
  kEltwise,
  kAdd,
  kMultiply,
  kShuffle,
  kLayerNorm,
  kSoftmax,
  kMatmul,
  kConcat,
  kReorder
};

/// An activation in oneDNN's terms.
struct Eltwise {
  algorithm kind;
  float alpha, beta;
};
Eltwise eltwise_of(ActivationKind kind) {
  constexpr float kSlope = 1.0F / 6, kOffset = 0.5F;  // relu6(x + 3) / 6 = clip(x/6 + 1/2, 0, 1)
  switch (kind) {
    case ActivationKind::relu:
      return {algorithm::eltwise_relu, 0, 0};
    case ActivationKind::relu6:
      return {algorithm::eltwise_clip, 0, 6};
    case ActivationKind::hswish:
      return {algorithm::eltwise_hardswish, kSlope, kOffset};
    case ActivationKind::hsigmoid:
      return {algorithm::eltwise_hardsigmoid, kSlope, kOffset};
    case ActivationKind::sigmoid:
      return {algorithm::eltwise_logistic, 0, 0};
  }
  return {};
}

std::int64_t key_part(Layout layout) { return std::bit_cast<std::int64_t>(layout); }

dnnl::primitive_attr attributes(const FusedOps& fused) {
  dnnl::post_ops ops;
  for (const FusedOp& op : fused) {
    switch (op.kind) {
      case FusedOp::Kind::sum:
        ops.append_sum(1.0F);
        break;
      case FusedOp::Kind::add:
        ops.append_binary(algorithm::binary_add, *op.addend);
        break;
      case FusedOp::Kind::activation: {
        const Eltwise eltwise = eltwise_of(op.activation);
        ops.append_eltwise(eltwise.kind, eltwise.alpha, eltwise.beta);
        break;
      }
      case FusedOp::Kind::factor:
        ops.append_eltwise(algorithm::eltwise_linear, op.factor, 0);
        break;
    }
  }
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_fpmath_mode(dnnl::fpmath_mode::strict);
  attr.set_post_ops(ops);
  return attr;
}

bool is_slow(std::string_view implementation) {
  return implementation.starts_with("ref") || implementation.starts_with("gemm") ||
         implementation.find(":gemm") != std::string_view::npos;
}

/// Whether an implementation gets attention's products wrong, whose heads lie between their rows: those for SVE of 256
/// bits and more do (github.com/uxlfoundation/oneDNN/issues/2008; seen in 3.7.2).
bool is_wrong(std::string_view matmul) { return matmul.starts_with("brg:sve"); }

}  // namespace

std::size_t Kernels::KeyHash::operator()(const Key& key) const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::int64_t part : key) {
    hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29;
  }
  return hash;
}

template <typename Make>
const Kernel* Kernels::get(Key key, const FusedOps& fused, const char* label, const Make& make) {
  for (const FusedOp& op : fused) {
    key.push_back(static_cast<std::int64_t>(op.kind));
    key.push_back(key_part(op.addend));
    key.push_back(static_cast<std::int64_t>(op.activation) << 32 | std::bit_cast<std::uint32_t>(op.factor));
  }
  const auto [entry, is_new] = kernels_.try_emplace(std::move(key));
  if (is_new) {
    const auto pd = make(attributes(fused));
    if (pd) {
      using Primitive = dnnl::primitive;
      const std::string implementation = pd.impl_info_str();
      entry->second = Kernel{.primitive = Primitive(pd.get()),
                             .name = fmt::format("{} {}", label, implementation),
                             .src = layouts_.intern(pd.query_md(dnnl::query::src_md, 0)),
                             .weights = layouts_.intern(pd.query_md(dnnl::query::weights_md, 0)),
                             .bias = layouts_.intern(pd.query_md(dnnl::query::weights_md, 1)),
                             .dst = layouts_.intern(pd.query_md(dnnl::query::dst_md, 0)),
                             .scratchpad_bytes = pd.scratchpad_desc().get_size(),
                             .slow = is_slow(implementation)};
    }
  }
  return entry->second ? &*entry->second : nullptr;
}

Dims kernel_dims(const Convolution& op, std::int64_t in_channels) {
  if (op.groups == 1) return {op.out_channels, in_channels, op.kernel, op.kernel};
  return {op.groups, op.out_channels / op.groups, in_channels / op.groups, op.kernel, op.kernel};
}

const Kernel* Kernels::convolution(const Convolution& op, const Shape& src, const Shape& dst, const FusedOps& fused) {
  const bool bias = has_bias(op);
  Key key{kConvolution, op.out_channels, op.kernel,      op.stride,    op.padding, op.groups,
          bias,         src.batch(),     src.channels(), src.height(), src.width()};
  return get(std::move(key), fused, "conv", [&](const dnnl::primitive_attr& attr) {
    const Dims strides{op.stride, op.stride}, dilation{0, 0}, padding{op.padding, op.padding};
    return dnnl::convolution_forward::primitive_desc(
        engine_, kInference, algorithm::convolution_direct, layouts_.any(src.dims),
        layouts_.any(kernel_dims(op, src.channels())),
        bias ? Layouts::any_f32({op.out_channels}) : dnnl::memory::desc(), layouts_.any(dst.dims), strides, dilation,
        padding, padding, attr, /*allow_empty=*/true);
  });
}

const Kernel* Kernels::linear(const Linear& op, Layout src, const FusedOps& fused) {
  return get(
      {kLinear, op.out_features, op.bias, key_part(src)}, fused, "linear", [&](const dnnl::primitive_attr& attr) {
        Dims weights = src->get_dims();
        const Dims dst{weights[0], op.out_features};
        weights[0] = op.out_features;
        return dnnl::inner_product_forward::primitive_desc(
            engine_, kInference, *src, layouts_.any(weights),
            op.bias ? Layouts::any_f32({op.out_features}) : dnnl::memory::desc(), *layouts_.plain(dst), attr, true);
      });
}

const Kernel* Kernels::batch_norm(const BatchNorm& op, Layout src, const FusedOps& fused) {
  return get(
      {kBatchNorm, std::bit_cast<std::int64_t>(op.epsilon), key_part(src)}, fused, "batch norm",
      [&](const dnnl::primitive_attr& attr) {
        using dnnl::normalization_flags;
        return dnnl::batch_normalization_forward::primitive_desc(
            engine_, kInference, *src, *src, static_cast<float>(op.epsilon),
            normalization_flags::use_global_stats | normalization_flags::use_scale | normalization_flags::use_shift,
            attr, true);
      });
}

const Kernel* Kernels::pool(const AveragePool& op, Layout src, const Shape& dst, const FusedOps& fused) {
  // Row-major pooling transposes inside (oneDNN 3.7.2) and would read an addend as if it were transposed too.
  const auto adds = [](const FusedOp& fused_op) { return fused_op.kind == FusedOp::Kind::add; };
  if (src == layouts_.plain(src->get_dims()) && std::any_of(fused.begin(), fused.end(), adds)) return nullptr;
  return get(
      {kPool, op.kernel, op.stride, op.padding, key_part(src)}, fused, "pool", [&](const dnnl::primitive_attr& attr) {
        const Dims strides{op.stride, op.stride}, dilation{0, 0}, padding{op.padding, op.padding};
        return dnnl::pooling_forward::primitive_desc(engine_, kInference, algorithm::pooling_avg_exclude_padding, *src,
                                                     layouts_.any(dst.dims), strides, {op.kernel, op.kernel}, dilation,
                                                     padding, padding, attr, true);
      });
}

const Kernel* Kernels::eltwise(const char* label, algorithm kind, float alpha, float beta, Layout src,
                               const FusedOps& fused) {
  return get({kEltwise, static_cast<std::int64_t>(kind), std::bit_cast<std::int32_t>(alpha),
              std::bit_cast<std::int32_t>(beta), key_part(src)},
             fused, label, [&](const dnnl::primitive_attr& attr) {
               return dnnl::eltwise_forward::primitive_desc(engine_, kInference, kind, *src, *src, alpha, beta, attr,
                                                            true);
             });
}

const Kernel* Kernels::activation(ActivationKind kind, Layout src, const FusedOps& fused) {
  const Eltwise op = eltwise_of(kind);
  return eltwise(to_string(kind), op.kind, op.alpha, op.beta, src, fused);
}

const Kernel* Kernels::affine(const Affine& op, Layout src, const FusedOps& fused) {
  return eltwise("affine", algorithm::eltwise_linear, static_cast<float>(op.scale), static_cast<float>(op.shift), src,
                 fused);
}

const Kernel* Kernels::add(Layout src, Layout addend, const FusedOps& fused) {
  return get({kAdd, key_part(src), key_part(addend)}, fused, "add", [&](const dnnl::primitive_attr& attr) {
    return dnnl::binary::primitive_desc(engine_, algorithm::binary_add, *src, *addend, *src, attr, true);
  });
}

const Kernel* Kernels::multiply(Layout src, Layout factor, const FusedOps& fused) {
  return get({kMultiply, key_part(src), key_part(factor)}, fused, "scale", [&](const dnnl::primitive_attr& attr) {
    return dnnl::binary::primitive_desc(engine_, algorithm::binary_mul, *src, *factor, *src, attr, true);
  });
}

const Kernel* Kernels::shuffle(const ChannelShuffle& op, Layout src) {
  return get({kShuffle, op.groups, key_part(src)}, {}, "shuffle", [&](const dnnl::primitive_attr& attr) {
    const std::int64_t group_size = src->get_dims()[1] / op.groups;
    return dnnl::shuffle_forward::primitive_desc(engine_, kInference, *src, *src, 1, static_cast<int>(group_size), attr,
                                                 true);
  });
}

const Kernel* Kernels::layer_norm(const LayerNorm& op, Layout src) {
  return get({kLayerNorm, std::bit_cast<std::int64_t>(op.epsilon), key_part(src)}, {}, "layer norm",
             [&](const dnnl::primitive_attr& attr) {
               using dnnl::normalization_flags;
               return dnnl::layer_normalization_forward::primitive_desc(
                   engine_, kInference, *src, *src, static_cast<float>(op.epsilon),
                   normalization_flags::use_scale | normalization_flags::use_shift, attr, true);
             });
}

const Kernel* Kernels::softmax(Layout src) {
  return get({kSoftmax, key_part(src)}, {}, "softmax", [&](const dnnl::primitive_attr& attr) {
    return dnnl::softmax_forward::primitive_desc(engine_, kInference, algorithm::softmax_accurate, *src, *src,
                                                 src->get_ndims() - 1, attr, true);
  });
}

const Kernel* Kernels::matmul(Layout src, Layout weights, Layout dst, const FusedOps& fused) {
  return get({kMatmul, key_part(src), key_part(weights), key_part(dst)}, fused, "matmul",
             [&](const dnnl::primitive_attr& attr) {
               dnnl::matmul::primitive_desc desc(engine_, *src, *weights, *dst, attr, true);
               while (desc && is_wrong(desc.impl_info_str()) && desc.next_impl()) {
               }
               return desc;
             });
}

const Kernel* Kernels::concat(Layout first, Layout second, Layout dst) {
  return get({kConcat, key_part(first), key_part(second), key_part(dst)}, {}, "concat",
             [&](const dnnl::primitive_attr& attr) {
               const int axis = first->get_ndims() - 2;
               return dnnl::concat::primitive_desc(engine_, *dst, axis, {*first, *second}, attr);
             });
}

const Kernel* Kernels::reorder(Layout src, Layout dst) {
  return get({kReorder, key_part(src), key_part(dst)}, {}, "reorder", [&](const dnnl::primitive_attr& attr) {
    return dnnl::reorder::primitive_desc(engine_, *src, engine_, *dst, attr, true);
  });
}

}  // namespace naslat::onednn
