#include "spaces/executed_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "spaces/hash.hpp"
#include "spaces/passes.hpp"

namespace naslat {

namespace {

std::string describe(const PostOp& op) {
  const auto* const activation = std::get_if<PostActivation>(&op);
  return activation == nullptr ? "add" : std::string(to_string(activation->kind));
}

/// What the block reads first; its own result where nothing is read.
TensorId input_of(const Network& graph, const Block& block) {
  const Layer& first = graph.layers[block.first_layer];
  return first.inputs.empty() ? first.output : first.inputs[0];
}

template <typename Use>
void for_each_layer(const Network& graph, const Block& block, const std::vector<bool>& constant, const Use& use) {
  for (std::size_t i = block.first_layer; i < block.first_layer + block.layer_count; ++i) {
    if (!constant[i]) use(graph.layers[i]);
  }
}

}  // namespace

std::vector<Block> executed_blocks(const Network& graph) {
  std::vector<Block> blocks = graph.blocks;
  std::erase_if(blocks, [](const Block& block) { return block.layer_count == 0; });
  if (blocks.empty()) blocks.push_back({"network", 0, graph.layers.size()});
  return blocks;
}

BlockInfo block_info(const Network& graph, const Block& block, const std::vector<bool>& constant) {
  const std::int64_t images = graph.tensors[graph.input].batch();
  BlockInfo info{block.kind, graph.tensors[input_of(graph, block)],
                 graph.tensors[graph.layers[block.first_layer + block.layer_count - 1].output]};
  info.layers = describe(info.input, images);
  char separator = ':';
  for_each_layer(graph, block, constant, [&](const Layer& layer) {
    info.layers += separator;
    info.layers += ' ' + describe(layer.op);
    for (const PostOp& op : layer.post_ops) info.layers += " + " + describe(op);
    info.layers += ' ' + describe(graph.tensors[layer.output], images);
    separator = ',';
  });
  return info;
}

std::uint64_t block_id(const std::string& layers) { return Fnv1a().add(layers).value(); }

std::vector<BlockWork> block_work(const Network& graph) {
  const std::vector<bool> constant = constant_layers(graph);
  std::vector<BlockWork> list;
  for (const Block& block : executed_blocks(graph)) {
    const std::uint64_t id = block_id(block_info(graph, block, constant).layers);
    const auto known = std::find_if(list.begin(), list.end(), [id](const BlockWork& w) { return w.id == id; });
    if (known != list.end()) {
      ++known->count;
      continue;
    }
    BlockWork& work = list.emplace_back(BlockWork{id, 1});
    for_each_layer(graph, block, constant, [&](const Layer& layer) {
      std::int64_t elements = graph.tensors[layer.output].elements();
      for (const TensorId input : layer.inputs) elements += graph.tensors[input].elements();
      work.layers += 1;
      work.macs += static_cast<float>(macs(graph, layer));
      work.elements += static_cast<float>(elements);
    });
  }
  return list;
}

}  // namespace naslat
