#include "measure/backends/onednn/weight_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "measure/weights.hpp"

namespace naslat::onednn {

namespace {

constexpr std::size_t kSlabBytes = std::size_t{2} << 20;

std::string convolution_key(char part, const Layer& layer) {
  const auto& conv = std::get<Convolution>(layer.op);
  std::string key;
  key.reserve(layer.weights_name().size() + conv.folded_batch_norm.size() + 32);
  key += part;
  key += layer.weights_name();
  key += '\0';
  key += conv.folded_batch_norm;
  key += conv.bias ? '+' : '\0';
  key.append(reinterpret_cast<const char*>(&conv.folded_epsilon), sizeof conv.folded_epsilon);
  return key;
}

}  // namespace

std::byte* WeightStore::allocate(std::size_t bytes) {
  if (slabs_.empty() || slab_used_ + bytes > slabs_.back().bytes()) {
    slabs_.emplace_back(std::max(bytes, kSlabBytes));
    slab_used_ = 0;
  }
  return slabs_.back().data() + std::exchange(slab_used_, slab_used_ + aligned(bytes));
}

const Resident& WeightStore::get(std::string key, Layout layout, const Layouts::Dims& plain_dims,
                                 const std::function<std::vector<float>()>& values) {
  key.append(reinterpret_cast<const char*>(&layout), sizeof(Layout));
  const auto [entry, is_new] = residents_.try_emplace(std::move(key));
  Resident& resident = entry->second;
  if (is_new) {
    std::vector<float> plain = values();
    resident.bytes = layout->get_size();
    resident.memory = dnnl::memory(*layout, engine_, allocate(resident.bytes));
    dnnl::memory source(*layouts_.plain_f32(plain_dims), engine_, plain.data());
    dnnl::reorder(source, resident.memory).execute(stream_, source, resident.memory);
    stream_.wait();
  }
  return resident;
}

const Resident& WeightStore::convolution_kernel(const Network& network, const Layer& layer, Layout layout) {
  const std::int64_t in_channels = network.tensors[layer.inputs[0]].channels();
  return get(convolution_key('k', layer), layout, kernel_dims(std::get<Convolution>(layer.op), in_channels),
             [&] { return naslat::convolution_kernel(network, layer); });
}

const Resident& WeightStore::convolution_bias(const Network& network, const Layer& layer, Layout layout) {
  return get(convolution_key('b', layer), layout, {std::get<Convolution>(layer.op).out_channels},
             [&] { return naslat::convolution_bias(network, layer); });
}

const Resident& WeightStore::linear_kernel(const Network& network, const Layer& layer, Layout layout) {
  return get("l" + layer.weights_name(), layout, layout->get_dims(),
             [&] { return naslat::linear_kernel(network, layer); });
}

const Resident& WeightStore::linear_bias(const Network& network, const Layer& layer, Layout layout) {
  return get("m" + layer.weights_name(), layout, layout->get_dims(),
             [&] { return naslat::linear_bias(network, layer); });
}

WeightStore::BatchNormResidents WeightStore::batch_norm(const Layer& layer, std::int64_t channels) {
  const Layout layout = layouts_.plain_f32({channels});
  const auto part = [&](char which, std::vector<float> BatchNormWeights::*values) {
    return &get(which + layer.weights_name(), layout, {channels},
                [&] { return batch_norm_weights(layer.weights_name(), channels).*values; });
  };
  return {part('1', &BatchNormWeights::scale), part('2', &BatchNormWeights::shift), part('3', &BatchNormWeights::mean),
          part('4', &BatchNormWeights::variance)};
}

WeightStore::LayerNormResidents WeightStore::layer_norm(const Layer& layer, std::int64_t features) {
  const Layout layout = layouts_.plain_f32({features});
  const auto part = [&](char which, std::vector<float> LayerNormWeights::*values) {
    return &get(which + layer.weights_name(), layout, {features},
                [&] { return layer_norm_weights(layer.weights_name(), features).*values; });
  };
  return {part('5', &LayerNormWeights::scale), part('6', &LayerNormWeights::shift)};
}

const Resident& WeightStore::embedding_table(const TokenEmbedding& embedding) {
  const Layouts::Dims dims{embedding.vocabulary, embedding.table_width};
  return get("table" + embedding.table, layouts_.plain_f32(dims), dims,
             [&] { return naslat::embedding_table(embedding.table, embedding.vocabulary, embedding.table_width); });
}

const Resident& WeightStore::positions(const TokenEmbedding& embedding) {
  const Layouts::Dims dims{embedding.tokens, embedding.width};
  return get(fmt::format("positions {} {}", embedding.first_token, embedding.table_width), layouts_.plain_f32(dims),
             dims, [&] { return position_encodings(embedding); });
}

const Resident& WeightStore::input(const Network& network) {
  const Shape& shape = network.tensors[network.input];
  std::string key = "input";  // of the same shape, tokens of different vocabularies differ
  for (const Layer& layer : network.layers) {
    if (const auto* op = std::get_if<TokenEmbedding>(&layer.op)) key = fmt::format("tokens {}", op->vocabulary);
  }
  return get(std::move(key), layouts_.plain_f32(shape.dims), shape.dims, [&] { return network_input(network); });
}

const Resident& WeightStore::constant(float value, const Layouts::Dims& dims) {
  const std::string key(reinterpret_cast<const char*>(&value), sizeof value);
  return get("constant" + key, layouts_.plain(dims), dims,
             [&] { return std::vector<float>(static_cast<std::size_t>(Shape{dims}.elements()), value); });
}

}  // namespace naslat::onednn
