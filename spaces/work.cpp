#include "spaces/work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "spaces/hash.hpp"

namespace naslat {

namespace {

/// Kinds of operation that kernels are written for, each with costs of its own per multiply-accumulate, element and
/// launch. Batch norms count as folded, ReLUs as fused into what comes before them.
enum class Kind {
  dense_3x3,  // and larger
  dense_1x1,
  grouped,
  depthwise_3,
  depthwise_5,
  depthwise_7,
  linear,
  attention,
  pooling,
  addition,
  hard_activation,  // h-swish, h-sigmoid, sigmoid
  rearrangement,    // shuffles, slices, copies
  scaling,          // squeeze-excite's product, layer norms, softmax
  zero,             // NAS-Bench-201's `none`
};
constexpr std::array<const char*, 14> kKindNames = {
    "dense_3x3", "dense_1x1", "grouped",  "depthwise_3",     "depthwise_5",   "depthwise_7", "linear",
    "attention", "pooling",   "addition", "hard_activation", "rearrangement", "scaling",     "zero"};

enum Figure { kMacs, kElements, kLaunches, kFigures };
constexpr std::array<const char*, kFigures> kFigureNames = {"macs", "elements", "launches"};
enum Total { kTotalMacs, kTotalElements, kTotalLaunches, kTotalWeights, kChain, kTotals };
constexpr std::array<const char*, kTotals> kTotalNames = {"total.macs", "total.elements", "total.launches",
                                                          "total.weights", "total.chain"};
constexpr std::size_t kFirstTotal = kKindNames.size() * kFigures;
// Small kernels cost what their launch costs, whatever they do: what counts is the work beyond that of a small kernel,
// and how much that is differs between machines, so that there is a sum for each of several limits.
constexpr std::array<int, 6> kMacsBeyond = {16, 18, 20, 22, 24, 26}, kElementsBeyond = {12, 14, 16, 18, 20, 22};  // 2^x

struct KindOf {
  const Network& network;
  const Layer& layer;

  std::optional<Kind> operator()(const Convolution& c) const {
    const std::int64_t in = network.tensors[layer.inputs.at(0)].channels();
    if (c.groups == 1) return c.kernel == 1 ? Kind::dense_1x1 : Kind::dense_3x3;
    if (c.groups != in) return Kind::grouped;
    return c.kernel <= 3 ? Kind::depthwise_3 : c.kernel <= 5 ? Kind::depthwise_5 : Kind::depthwise_7;
  }
  std::optional<Kind> operator()(const BatchNorm&) const { return std::nullopt; }
  std::optional<Kind> operator()(const Activation& a) const {
    const bool cheap = a.kind == ActivationKind::relu || a.kind == ActivationKind::relu6;
    return cheap ? std::nullopt : std::optional(Kind::hard_activation);
  }
  std::optional<Kind> operator()(const AveragePool&) const { return Kind::pooling; }
  std::optional<Kind> operator()(const GlobalAveragePool&) const { return Kind::pooling; }
  std::optional<Kind> operator()(const Linear&) const { return Kind::linear; }
  std::optional<Kind> operator()(const Add&) const { return Kind::addition; }
  std::optional<Kind> operator()(const Affine& a) const {
    return a.scale == 0 ? std::optional(Kind::zero) : std::nullopt;
  }
  std::optional<Kind> operator()(const ChannelShuffle&) const { return Kind::rearrangement; }
  std::optional<Kind> operator()(const ChannelScale&) const { return Kind::scaling; }
  std::optional<Kind> operator()(const TokenEmbedding&) const { return Kind::rearrangement; }
  std::optional<Kind> operator()(const LayerNorm&) const { return Kind::scaling; }
  std::optional<Kind> operator()(const Concat&) const { return Kind::rearrangement; }
  std::optional<Kind> operator()(const Slice&) const { return Kind::rearrangement; }
  std::optional<Kind> operator()(const Repeat&) const { return Kind::rearrangement; }
  std::optional<Kind> operator()(const AttentionScores&) const { return Kind::attention; }
  std::optional<Kind> operator()(const Softmax&) const { return Kind::scaling; }
  std::optional<Kind> operator()(const AttentionContext&) const { return Kind::attention; }
};

/// Sums over the layers that are not constant. `chain` is the number of kernels on the longest path: machines that run
/// independent kernels side by side wait for it.
std::vector<float> sums_of(const Network& network, const std::vector<bool>& skipped) {
  std::vector<double> sums(work_names().size());
  std::vector<int> depth(network.tensors.size());
  int longest = 0;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (skipped[i]) continue;
    const std::optional<Kind> kind = std::visit(KindOf{network, layer}, layer.op);
    std::int64_t elements = network.tensors[layer.output].elements();
    for (const TensorId input : layer.inputs) {
      elements += network.tensors[input].elements();
      depth[layer.output] = std::max(depth[layer.output], depth[input]);
    }
    if (!kind) continue;
    longest = std::max(longest, ++depth[layer.output]);
    const auto add = [&](std::size_t place, double value) { sums[place] += value; };
    const auto macs = static_cast<double>(naslat::macs(network, layer)), moved = static_cast<double>(elements);
    for (const std::size_t first : {static_cast<std::size_t>(*kind) * kFigures, kFirstTotal}) {
      add(first + kMacs, macs);
      add(first + kElements, moved);
      add(first + kLaunches, 1);
    }
    add(kFirstTotal + kTotalWeights, static_cast<double>(parameters(network, layer)));
    std::size_t place = kFirstTotal + kTotals;
    for (const int exponent : kMacsBeyond) add(place++, std::max(0.0, macs - (1 << exponent)));
    for (const int exponent : kElementsBeyond) add(place++, std::max(0.0, moved - (1 << exponent)));
  }
  sums[kFirstTotal + kChain] = longest;
  return {sums.begin(), sums.end()};
}

void count_blocks(const Network& network, Work& work) {
  std::map<std::uint64_t, int> kinds, blocks;
  for (const Block& block : network.blocks) {
    Fnv1a hash;
    ++kinds[hash.add(block.kind).value()];
    if (block.layer_count == 0) continue;  // an identity: nothing is executed
    const Layer& first = network.layers[block.first_layer];
    const Layer& last = network.layers[block.first_layer + block.layer_count - 1];
    const std::string input = first.inputs.empty() ? std::string() : describe(network.tensors[first.inputs[0]]);
    hash.add(" ").add(input).add(" ").add(describe(network.tensors[last.output]));
    ++blocks[hash.value()];
  }
  work.kinds.assign(kinds.begin(), kinds.end());
  work.blocks.assign(blocks.begin(), blocks.end());
}

}  // namespace

const std::vector<std::string>& work_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const char* kind : kKindNames) {
      for (const char* figure : kFigureNames) list.push_back(fmt::format("{}.{}", kind, figure));
    }
    list.insert(list.end(), kTotalNames.begin(), kTotalNames.end());
    for (const int exponent : kMacsBeyond) list.push_back(fmt::format("total.macs_beyond_2^{}", exponent));
    for (const int exponent : kElementsBeyond) list.push_back(fmt::format("total.elements_beyond_2^{}", exponent));
    return list;
  }();
  return names;
}

std::span<const std::size_t> work_totals() {
  static constexpr std::array totals = {kFirstTotal + kTotalMacs, kFirstTotal + kTotalElements,
                                        kFirstTotal + kTotalLaunches, kFirstTotal + kTotalWeights};
  return totals;
}

Work work_of(Network network, std::span<const GraphMode> modes) {
  Work work;
  const auto execute = [&](GraphMode mode, const auto& graph) {
    if (std::ranges::find(modes, mode) != modes.end()) {
      work.executed.at(static_cast<std::size_t>(mode)) = block_work(graph());
    }
  };
  const auto sums = [&](Execution execution, const std::vector<bool>& skipped) {
    work.sums.at(static_cast<std::size_t>(execution)) = sums_of(network, skipped);
  };
  // As lowered() has them, each graph made of the one before: copies would take as long as everything else.
  count_blocks(network, work);
  execute(GraphMode::eager, [&]() -> const Network& { return network; });
  network = fold_batch_norm(std::move(network));
  sums(Execution::written, std::vector<bool>(network.layers.size()));
  execute(GraphMode::fused, [&] { return fuse(network); });
  network = prune(std::move(network));
  sums(Execution::needed, std::vector<bool>(network.layers.size()));
  sums(Execution::live, constant_layers(network));
  execute(GraphMode::pruned, [&] { return fuse(std::move(network)); });
  return work;
}

}  // namespace naslat
