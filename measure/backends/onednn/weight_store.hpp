#pragma once

#include <functional>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "measure/arena.hpp"
#include "measure/backends/onednn/kernels.hpp"
#include "measure/backends/onednn/layouts.hpp"
#include "spaces/network.hpp"

namespace naslat::onednn {

/// Data that every run reads and none writes, in the layout its kernel wants.
struct Resident {
  dnnl::memory memory;
  std::size_t bytes = 0;
};

/// Packed weights and network inputs. Weights hang on a layer's name and shape alone, so architectures that share a
/// layer share its packed weights, and a network of known layers is compiled without touching a weight.
class WeightStore {
 public:
  WeightStore(const dnnl::engine& engine, const dnnl::stream& stream, Layouts& layouts)
      : engine_(engine), stream_(stream), layouts_(layouts) {}

  const Resident& convolution_kernel(const Network& network, const Layer& layer, Layout layout);
  const Resident& convolution_bias(const Network& network, const Layer& layer, Layout layout);
  const Resident& linear_kernel(const Network& network, const Layer& layer, Layout layout);
  const Resident& linear_bias(const Network& network, const Layer& layer, Layout layout);

  struct BatchNormResidents {
    const Resident *scale, *shift, *mean, *variance;
  };
  BatchNormResidents batch_norm(const Layer& layer, std::int64_t channels);

  struct LayerNormResidents {
    const Resident *scale, *shift;
  };
  LayerNormResidents layer_norm(const Layer& layer, std::int64_t features);

  /// Rows and positions of an embedding, f32.
  const Resident& embedding_table(const TokenEmbedding& embedding);
  const Resident& positions(const TokenEmbedding& embedding);

  /// f32, row-major.
  const Resident& input(const Network& network);
  /// A tensor of equal numbers, row-major.
  const Resident& constant(float value, const Layouts::Dims& dims);

 private:
  const Resident& get(std::string key, Layout layout, const Layouts::Dims& plain_dims,
                      const std::function<std::vector<float>()>& values);
  std::byte* allocate(std::size_t bytes);

  dnnl::engine engine_;
  dnnl::stream stream_;
  Layouts& layouts_;
  std::unordered_map<std::string, Resident> residents_;
  std::vector<MemoryBlock> slabs_;
  std::size_t slab_used_ = 0;  // of the last slab
};

}  // namespace naslat::onednn
