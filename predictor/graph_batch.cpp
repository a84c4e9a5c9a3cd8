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
  GraphBatch batch;
  batch.nodes.resize(std::ssize(graphs), graphs.empty() ? 0 : graphs[0]->encoding->features);
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    batch.nodes.row(static_cast<Eigen::Index>(i)) =
        Eigen::Map<const Eigen::RowVectorXf>(graphs[i]->encoding->x.data(), batch.nodes.cols());
  }
  return batch;
}

}  // namespace

/// Colour refinement (Weisfeiler and Leman): nodes whose neighbours have the same colours get the same colour, in
/// whatever order the neighbours come: their rows are summed.
ColouredGraph coloured(const Encoding& e, int depth) {
  if (e.adjacency.empty()) return {&e, {}};
  const auto nodes = static_cast<std::size_t>(e.nodes), features = static_cast<std::size_t>(e.features);
  std::vector<std::uint64_t> colour(nodes), next(nodes);
  for (std::size_t node = 0; node < nodes; ++node) {
    for (std::size_t f = 0; f < features; ++f) {
      colour[node] = mix(colour[node], std::bit_cast<std::uint32_t>(e.x[node * features + f]));
    }
  }
  ColouredGraph graph{&e, {}};
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
  if (graphs.empty() || graphs[0]->colours.empty()) return batch_flat(graphs);
  const auto nodes = static_cast<std::size_t>(graphs[0]->encoding->nodes);
  const auto features = static_cast<Eigen::Index>(graphs[0]->encoding->features);
  Rows before = rows_after(0, graphs);
  GraphBatch batch;
  batch.nodes = Matrix<float>::Zero(std::ssize(before.first_seen), features);
  for (std::size_t row = 0; row < before.first_seen.size(); ++row) {
    const auto [graph, node] = before.first_seen[row];
    const Encoding& e = *graphs[graph]->encoding;
    const Eigen::Map<const Matrix<float>> x(e.x.data(), e.nodes, features);
    for (std::size_t from = 0; from < nodes; ++from) {
      batch.nodes.row(static_cast<Eigen::Index>(row)) +=
          connected(e, node, from) * x.row(static_cast<Eigen::Index>(from));
    }
  }

  const auto add_adjacency = [&](std::span<const Rows::Node> to) {
    std::vector<SparseMatrix::Entry> entries;
    for (std::size_t row = 0; row < to.size(); ++row) {
      const auto [graph, node] = to[row];
      for (std::size_t from = 0; from < nodes; ++from) {
        if (const float weight = connected(*graphs[graph]->encoding, node, from); weight != 0)
          entries.push_back({row, before.of[graph * nodes + from], weight});
      }
    }
    batch.adjacency.push_back(SparseMatrix::make(to.size(), before.first_seen.size(), entries));
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
