#include "predictor/graph_batch.hpp"

#include <bit>
#include <cstdint>
#include <utility>

namespace naslat {

namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {  // splitmix64's finaliser
  std::uint64_t x = hash ^ (value + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2));
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

float connected(const Encoding& e, std::size_t to, std::size_t from) {
  return e.adjacency[to * static_cast<std::size_t>(e.nodes) + from];
}

/// Numbers colours in the order in which they are first met. They are hashes already: a table finds them by their bits.
class Numbering {
 public:
  explicit Numbering(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) {}

  /// @return the colour's number and whether it is new
  std::pair<std::size_t, bool> number(std::uint64_t colour) {
    for (std::size_t i = colour;; ++i) {
      Slot& slot = slots_[i & (slots_.size() - 1)];
      if (slot.number == kFree) {
        slot = {colour, count_};
        return {count_++, true};
      }
      if (slot.colour == colour) return {slot.number, false};
    }
  }

 private:
  static constexpr std::size_t kFree = ~std::size_t{0};
  struct Slot {
    std::uint64_t colour = 0;
    std::size_t number = kFree;
  };
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

/// Rows of the nodes of many graphs, equal colours in one.
struct Rows {
  struct Node {
    std::size_t graph, node;
  };
  std::vector<std::size_t> of;   ///< of each graph's nodes, one graph after the other
  std::vector<Node> first_seen;  ///< of each row
};

Rows rows_after(std::size_t convolution, std::span<const ColouredGraph* const> graphs) {
  const std::size_t nodes = graphs[0]->colours[convolution].size();
  Numbering numbering(graphs.size() * nodes);
  Rows rows;
  rows.of.reserve(graphs.size() * nodes);
  for (std::size_t graph = 0; graph < graphs.size(); ++graph) {
    for (std::size_t node = 0; node < nodes; ++node) {
      const auto [row, is_new] = numbering.number(graphs[graph]->colours[convolution][node]);
      if (is_new) rows.first_seen.push_back({graph, node});
      rows.of.push_back(row);
    }
  }
  return rows;
}

/// Features under each other.
GraphBatch batch_flat(std::span<const ColouredGraph* const> graphs) {
  SparseMatrix::Rows rows;
  for (const ColouredGraph* const graph : graphs) rows.append(graph->features);
  return {SparseMatrix::make(static_cast<std::size_t>(graphs[0]->encoding->features), std::move(rows)), {}};
}

/// Sums of the neighbours' features, for the first of equal nodes.
std::shared_ptr<const SparseMatrix> sum_features(std::span<const ColouredGraph* const> graphs,
                                                 std::span<const Rows::Node> nodes) {
  const auto count = static_cast<std::size_t>(graphs[0]->encoding->features);
  SparseMatrix::Rows rows;
  for (const auto [graph, node] : nodes) {
    const Encoding& e = *graphs[graph]->encoding;
    for (std::size_t feature = 0; feature < count; ++feature) {
      float sum = 0;
      for (std::size_t from = 0; from < static_cast<std::size_t>(e.nodes); ++from) {
        sum += connected(e, node, from) * e.x[from * count + feature];
      }
      if (sum != 0) rows.add(feature, sum);
    }
    rows.end_row();
  }
  return SparseMatrix::make(count, std::move(rows));
}

}  // namespace

/// Colour refinement (Weisfeiler and Leman): nodes whose neighbours have the same colours get the same colour, in
/// whatever order the neighbours come: their rows are summed.
ColouredGraph coloured(const Encoding& e, int depth) {
  ColouredGraph graph{&e, {}, {}};
  if (e.adjacency.empty()) {
    for (std::size_t feature = 0; feature < e.x.size(); ++feature) {
      if (e.x[feature] != 0) graph.features.add(feature, e.x[feature]);
    }
    graph.features.end_row();
    return graph;
  }
  const auto nodes = static_cast<std::size_t>(e.nodes), features = static_cast<std::size_t>(e.features);
  std::vector<std::uint64_t> colour(nodes), next(nodes);
  for (std::size_t node = 0; node < nodes; ++node) {
    for (std::size_t f = 0; f < features; ++f) {
      colour[node] = mix(colour[node], std::bit_cast<std::uint32_t>(e.x[node * features + f]));
    }
  }
  for (int round = 0; round < depth; ++round) {
    for (std::size_t to = 0; to < nodes; ++to) {
      next[to] = 0;
      for (std::size_t from = 0; from < nodes; ++from) {
        if (const float weight = connected(e, to, from); weight != 0) {
          next[to] += mix(colour[from], std::bit_cast<std::uint32_t>(weight));
        }
      }
    }
    colour.swap(next);
    graph.colours.push_back(colour);
  }
  return graph;
}

GraphBatch batch_graphs(std::span<const ColouredGraph* const> graphs) {
  if (graphs[0]->colours.empty()) return batch_flat(graphs);
  const auto nodes = static_cast<std::size_t>(graphs[0]->encoding->nodes);
  Rows before = rows_after(0, graphs);
  GraphBatch batch{sum_features(graphs, before.first_seen), {}};

  const auto add_adjacency = [&](std::span<const Rows::Node> to) {
    SparseMatrix::Rows rows;
    for (const auto [graph, node] : to) {
      for (std::size_t from = 0; from < nodes; ++from) {
        if (const float weight = connected(*graphs[graph]->encoding, node, from); weight != 0)
          rows.add(before.of[graph * nodes + from], weight);
      }
      rows.end_row();
    }
    batch.adjacency.push_back(SparseMatrix::make(before.first_seen.size(), std::move(rows)));
  };
  for (std::size_t convolution = 1; convolution < graphs[0]->colours.size(); ++convolution) {
    Rows after = rows_after(convolution, graphs);
    add_adjacency(after.first_seen);
    before = std::move(after);
  }
  std::vector<Rows::Node> global;
  for (std::size_t graph = 0; graph < graphs.size(); ++graph) global.push_back({graph, nodes - 1});
  add_adjacency(global);
  return batch;
}

GraphBatch batch_graphs(std::span<const Encoding> encodings, int depth) {
  std::vector<ColouredGraph> graphs;
  std::vector<const ColouredGraph*> pointers;
  for (const Encoding& encoding : encodings) graphs.push_back(coloured(encoding, depth));
  for (const ColouredGraph& graph : graphs) pointers.push_back(&graph);
  return batch_graphs(pointers);
}

}  // namespace naslat
