#include "spaces/passes.hpp"

#include <algorithm>
#include <cassert>
#include <map>
#include <numeric>
#include <utility>

namespace naslat {

namespace {

constexpr std::size_t kNoLayer = static_cast<std::size_t>(-1);

/// Tensors that go by another's name from some layer on. Passes walk layers in order, so a name is known before it is
/// read.
class Aliases {
 public:
  explicit Aliases(const Network& network) : name_(network.tensors.size()) {
    std::iota(name_.begin(), name_.end(), 0U);
  }

  void add(TensorId tensor, TensorId same_as) { name_[tensor] = name_[same_as]; }
  [[nodiscard]] TensorId operator[](TensorId tensor) const { return name_[tensor]; }

  void apply_to_outputs(Network& network) const {
    network.output = name_[network.output];
    for (TensorId& tensor : network.side_outputs) tensor = name_[tensor];
  }
  void apply(Layer& layer) const {
    for (TensorId& input : layer.inputs) input = name_[input];
    for (PostOp& op : layer.post_ops) {
      if (auto* add = std::get_if<PostAdd>(&op)) add->tensor = name_[add->tensor];
    }
  }

 private:
  std::vector<TensorId> name_;
};

/// Keeps the layers marked, in order; blocks shrink with their layers and vanish with the last one.
void keep_layers(Network& network, const std::vector<bool>& kept) {
  std::vector<std::size_t> position(network.layers.size() + 1);  // of each layer among those kept
  for (std::size_t i = 0; i < kept.size(); ++i) position[i + 1] = position[i] + (kept[i] ? 1 : 0);
  for (Block& block : network.blocks) {
    const std::size_t first = position[block.first_layer];
    block = {std::move(block.kind), first, position[block.first_layer + block.layer_count] - first};
  }
  std::erase_if(network.blocks, [](const Block& block) { return block.layer_count == 0; });
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] && position[i] != i) network.layers[position[i]] = std::move(network.layers[i]);
  }
  network.layers.resize(position.back());
}

/// How often each tensor is read; being one of the network's outputs counts as one.
std::vector<int> count_reads(const Network& network) {
  std::vector<int> counts(network.tensors.size());
  ++counts[network.output];
  for (const TensorId tensor : network.side_outputs) ++counts[tensor];
  for (const Layer& layer : network.layers) {
    for (const TensorId input : layer.inputs) ++counts[input];
    for (const PostOp& op : layer.post_ops) {
      if (const auto* add = std::get_if<PostAdd>(&op)) ++counts[add->tensor];
    }
  }
  return counts;
}

bool is_identity(const Layer& layer) {
  const auto* affine = std::get_if<Affine>(&layer.op);
  return affine != nullptr && affine->scale == 1 && affine->shift == 0 && layer.post_ops.empty();
}

/// Drops additions of the scalar 0, and activations of a tensor whose activation exists already.
void share_and_simplify(Network& network) {
  Aliases aliases(network);
  std::map<std::pair<TensorId, ActivationKind>, TensorId> activation_of;
  std::vector<bool> kept(network.layers.size(), true);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    Layer& layer = network.layers[i];
    aliases.apply(layer);
    if (is_identity(layer)) {
      aliases.add(layer.output, layer.inputs[0]);
      kept[i] = false;
    } else if (const auto* activation = std::get_if<Activation>(&layer.op); activation && layer.post_ops.empty()) {
      const auto [known, is_new] = activation_of.try_emplace({layer.inputs[0], activation->kind}, layer.output);
      kept[i] = is_new;
      if (!is_new) aliases.add(layer.output, known->second);
    }
  }
  aliases.apply_to_outputs(network);
  keep_layers(network, kept);
}

/// Which layer to burden with an addition, if there is a choice: convolutions hide it best. 0: never, since no engine
/// does it.
int addition_rank(const Op& op) {
  struct Rank {
    int operator()(const Convolution&) const { return 3; }
    int operator()(const Linear&) const { return 3; }
    int operator()(const AveragePool&) const { return 2; }
    int operator()(const GlobalAveragePool&) const { return 2; }
    int operator()(const Activation&) const { return 0; }
    int operator()(const Affine&) const { return 1; }
    int operator()(const Add&) const { return 1; }
    int operator()(const BatchNorm&) const { return 0; }
    int operator()(const ChannelShuffle&) const { return 0; }
    int operator()(const ChannelScale&) const { return 1; }
    int operator()(const TokenEmbedding&) const { return 0; }
    int operator()(const LayerNorm&) const { return 0; }
    int operator()(const Concat&) const { return 0; }
    int operator()(const Slice&) const { return 0; }
    int operator()(const Repeat&) const { return 0; }
    int operator()(const AttentionScores&) const { return 0; }
    int operator()(const Softmax&) const { return 0; }
    int operator()(const AttentionContext&) const { return 0; }
  };
  return std::visit(Rank{}, op);
}

/// Whether an engine applies an activation while it makes this result: where it computes, not where it moves data.
bool hosts_activation(const Op& op) {
  struct Hosts {
    bool operator()(const Convolution&) const { return true; }
    bool operator()(const Linear&) const { return true; }
    bool operator()(const AveragePool&) const { return true; }
    bool operator()(const GlobalAveragePool&) const { return true; }
    bool operator()(const Activation&) const { return true; }
    bool operator()(const Affine&) const { return true; }
    bool operator()(const Add&) const { return true; }
    bool operator()(const BatchNorm&) const { return true; }
    bool operator()(const ChannelScale&) const { return true; }
    bool operator()(const ChannelShuffle&) const { return false; }
    bool operator()(const TokenEmbedding&) const { return false; }
    bool operator()(const LayerNorm&) const { return false; }
    bool operator()(const Concat&) const { return false; }
    bool operator()(const Slice&) const { return false; }
    bool operator()(const Repeat&) const { return false; }
    bool operator()(const AttentionScores&) const { return false; }
    bool operator()(const Softmax&) const { return false; }
    bool operator()(const AttentionContext&) const { return false; }
  };
  return std::visit(Hosts{}, op);
}

/// Moves additions and activations into the layers that make their operands.
class PostOpFusion {
 public:
  explicit PostOpFusion(Network& network)
      : network_(network),
        reads_(count_reads(network)),
        producer_(network.tensors.size(), kNoLayer),
        kept_(network.layers.size(), true),
        constant_(constant_layers(network)) {}

  void run() {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const Layer& layer = network_.layers[i];
      producer_[layer.output] = i;
      if (!layer.post_ops.empty()) continue;  // what it adds may be made later than its host stands
      if (std::holds_alternative<Add>(layer.op)) {
        absorb_addition(i);
      } else if (std::holds_alternative<Activation>(layer.op)) {
        absorb_activation(i);
      }
    }
    keep_layers(network_, kept_);
  }

 private:
  /// Rank of `tensor`'s producer as host of an addition to `other`.
  [[nodiscard]] int rank(TensorId tensor, TensorId other) const {
    const std::size_t host = producer_[tensor];
    if (host == kNoLayer || reads_[tensor] != 1) return 0;
    if (constant_[host] && (producer_[other] == kNoLayer || !constant_[producer_[other]])) return 0;
    return addition_rank(network_.layers[host].op);
  }

  /// The host computes the sum: where it stands, or where the addition stood if the other operand is made after it.
  void absorb_addition(std::size_t i) {
    const Layer& addition = network_.layers[i];
    TensorId hosted = addition.inputs[0], other = addition.inputs[1];
    const auto order = [&](TensorId tensor, TensorId partner) {
      return std::pair(rank(tensor, partner), producer_[tensor] == kNoLayer ? 0 : producer_[tensor] + 1);
    };
    if (order(hosted, other) < order(other, hosted)) std::swap(hosted, other);
    if (rank(hosted, other) == 0) return;
    const std::size_t host = producer_[hosted];
    Layer fused = std::move(network_.layers[host]);
    fused.output = addition.output;
    fused.post_ops.emplace_back(PostAdd{other});
    const bool moves = producer_[other] != kNoLayer && producer_[other] > host;
    replace(moves ? host : i, moves ? i : host, std::move(fused));
  }

  void absorb_activation(std::size_t i) {
    const Layer& activation = network_.layers[i];
    const TensorId x = activation.inputs[0];
    const std::size_t host = producer_[x];
    if (host == kNoLayer || reads_[x] != 1 || !hosts_activation(network_.layers[host].op)) return;
    Layer fused = std::move(network_.layers[host]);
    fused.output = activation.output;
    fused.post_ops.emplace_back(PostActivation{std::get<Activation>(activation.op).kind});
    replace(i, host, std::move(fused));
  }

  void replace(std::size_t dropped, std::size_t slot, Layer fused) {
    kept_[dropped] = false;
    constant_[slot] = constant_[slot] && constant_[dropped];
    producer_[fused.output] = slot;
    network_.layers[slot] = std::move(fused);
  }

  Network& network_;
  std::vector<int> reads_;
  std::vector<std::size_t> producer_;
  std::vector<bool> kept_, constant_;
};

/// Whether the operation turns zeros into zeros.
bool keeps_zero(const Op& op) {
  struct KeepsZero {
    bool operator()(const Convolution& conv) const { return !conv.bias && conv.folded_batch_norm.empty(); }
    bool operator()(const Linear& linear) const { return !linear.bias; }
    bool operator()(const BatchNorm&) const { return false; }
    bool operator()(const Activation& activation) const {
      return activation.kind != ActivationKind::hsigmoid && activation.kind != ActivationKind::sigmoid;
    }
    bool operator()(const AveragePool&) const { return true; }
    bool operator()(const GlobalAveragePool&) const { return true; }
    bool operator()(const Add&) const { return true; }
    bool operator()(const Affine& affine) const { return affine.shift == 0; }
    bool operator()(const ChannelShuffle&) const { return true; }
    bool operator()(const ChannelScale&) const { return true; }
    bool operator()(const TokenEmbedding&) const { return false; }
    bool operator()(const LayerNorm&) const { return false; }
    bool operator()(const Concat&) const { return true; }
    bool operator()(const Slice&) const { return true; }
    bool operator()(const Repeat&) const { return true; }
    bool operator()(const AttentionScores&) const { return true; }
    bool operator()(const Softmax&) const { return false; }
    bool operator()(const AttentionContext&) const { return true; }
  };
  return std::visit(KeepsZero{}, op);
}

/// Makes `layer` a zero that reads nothing; false if an earlier one of its shape serves as well.
bool make_zero(const Network& network, Layer& layer, std::vector<TensorId>& zeros, Aliases& aliases) {
  const auto known = std::find_if(zeros.begin(), zeros.end(), [&](TensorId zero) {
    return network.tensors[zero] == network.tensors[layer.output];
  });
  if (known != zeros.end()) {
    aliases.add(layer.output, *known);
    return false;
  }
  layer.op = Affine{.scale = 0, .shift = 0};
  layer.inputs.clear();
  zeros.push_back(layer.output);
  return true;
}

/// Replaces zero results by zeros that read nothing, one per shape, and sums with a zero term by the other term.
void propagate_zeros(Network& network) {
  Aliases aliases(network);
  std::vector<TensorId> zeros;
  std::vector<bool> kept(network.layers.size(), true);
  const auto is_zero = [&](TensorId tensor) { return std::find(zeros.begin(), zeros.end(), tensor) != zeros.end(); };
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    Layer& layer = network.layers[i];
    assert(layer.post_ops.empty());
    aliases.apply(layer);
    const auto* const affine = std::get_if<Affine>(&layer.op);
    if (affine != nullptr && affine->scale == 0) layer.inputs.clear();  // whatever it read
    if (keeps_zero(layer.op) && std::all_of(layer.inputs.begin(), layer.inputs.end(), is_zero)) {
      kept[i] = make_zero(network, layer, zeros, aliases);
    } else if (std::holds_alternative<Add>(layer.op) && (is_zero(layer.inputs[0]) || is_zero(layer.inputs[1]))) {
      aliases.add(layer.output, layer.inputs[is_zero(layer.inputs[0]) ? 1 : 0]);
      kept[i] = false;
    }
  }
  aliases.apply_to_outputs(network);
  keep_layers(network, kept);
}

void drop_unread(Network& network) {
  std::vector<bool> needed(network.tensors.size()), kept(network.layers.size());
  needed[network.output] = true;
  for (const TensorId tensor : network.side_outputs) needed[tensor] = true;
  for (std::size_t i = network.layers.size(); i-- > 0;) {
    kept[i] = needed[network.layers[i].output];
    if (!kept[i]) continue;
    for (const TensorId tensor : reads(network.layers[i])) needed[tensor] = true;
  }
  keep_layers(network, kept);
}

}  // namespace

Network with_batch(Network network, std::int64_t batch) {
  for (Shape& shape : network.tensors) shape.dims.at(0) *= batch;
  return network;
}

Network fold_batch_norm(Network network) {
  const std::vector<int> reads = count_reads(network);
  std::vector<std::size_t> convolution(network.tensors.size(), kNoLayer);  // that makes the tensor
  std::vector<bool> kept(network.layers.size(), true);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    Layer& layer = network.layers[i];
    if (const auto* conv = std::get_if<Convolution>(&layer.op)) {
      if (conv->folded_batch_norm.empty() && layer.post_ops.empty()) convolution[layer.output] = i;
      continue;
    }
    const auto* batch_norm = std::get_if<BatchNorm>(&layer.op);
    if (batch_norm == nullptr || convolution[layer.inputs[0]] == kNoLayer || reads[layer.inputs[0]] != 1) continue;
    Layer& host = network.layers[convolution[layer.inputs[0]]];
    auto& conv = std::get<Convolution>(host.op);
    conv.folded_batch_norm = layer.name;
    conv.folded_epsilon = batch_norm->epsilon;
    host.output = layer.output;
    host.post_ops = std::move(layer.post_ops);
    kept[i] = false;
  }
  keep_layers(network, kept);
  return network;
}

Network fuse(Network network) {
  share_and_simplify(network);
  PostOpFusion(network).run();
  return network;
}

Network prune(Network network) {
  propagate_zeros(network);
  drop_unread(network);
  return network;
}

Network lowered(Network network, GraphMode mode) {
  switch (mode) {
    case GraphMode::eager:
      break;
    case GraphMode::fused:
      return fuse(fold_batch_norm(std::move(network)));
    case GraphMode::pruned:
      return fuse(prune(fold_batch_norm(std::move(network))));
  }
  return network;
}

std::vector<bool> constant_layers(const Network& network) {
  std::vector<bool> varies(network.tensors.size()), constant(network.layers.size());
  varies[network.input] = true;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const auto tensors = reads(layer);
    constant[i] = std::none_of(tensors.begin(), tensors.end(), [&](TensorId tensor) { return varies[tensor]; });
    varies[layer.output] = !constant[i];
  }
  return constant;
}

}  // namespace naslat
