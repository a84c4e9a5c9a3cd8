#include "predictor/graph_batch.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
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

/// Numbers colours in the order in which they are first met. They are hashes already: a table finds them by their bits.
class Numbering {
 public:
  explicit Numbering(std::size_t most) : slots_(std::bit_ceil(2 * most), kFree) { colours_.reserve(most); }

  /// @return the colour's number and whether it is new
  std::pair<std::uint32_t, bool> number(std::uint64_t colour) {
    for (std::size_t i = colour;; ++i) {
      std::uint32_t& slot = slots_[i & (slots_.size() - 1)];
      if (slot == kFree) {
        slot = static_cast<std::uint32_t>(colours_.size());
        colours_.push_back(colour);
        return {slot, true};
      }
      if (colours_[slot] == colour) return {slot, false};
    }
  }

 private:
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  std::vector<std::uint32_t> slots_;    // numbers
  std::vector<std::uint64_t> colours_;  // by number
};

/// Rows of the nodes of many graphs, equal colours in one.
struct Rows {
  struct Node {
    std::size_t graph, node;
  };
  std::vector<std::uint32_t> of;  ///< of each graph's nodes, one graph after the other
  std::vector<Node> first_seen;   ///< of each row
};

Rows rows_after(std::size_t convolution, std::span<const ColouredGraph* const> graphs) {
  const std::size_t nodes = graphs[0]->nodes();
  Numbering numbering(graphs.size() * nodes);
  Rows rows;
  rows.of.reserve(graphs.size() * nodes);
  for (std::size_t graph = 0; graph < graphs.size(); ++graph) {
    const std::uint64_t* const colours = graphs[graph]->colours.data() + convolution * nodes;
    for (std::size_t node = 0; node < nodes; ++node) {
      if (graph > 0 && colours[node] == graphs[graph - 1]->colours[convolution * nodes + node]) {  // often, if sorted
        rows.of.push_back(rows.of[rows.of.size() - nodes]);
        continue;
      }
      const auto [row, is_new] = numbering.number(colours[node]);
      if (is_new) rows.first_seen.push_back({graph, node});
      rows.of.push_back(row);
    }
  }
  return rows;
}

/// Features under each other.
GraphBatch batch_flat(std::span<const ColouredGraph* const> graphs) {
  SparseMatrix::Rows rows;
  std::size_t entries = 0;
  for (const ColouredGraph* const graph : graphs) entries += graph->entries->column.size();
  rows.reserve(graphs.size(), entries);
  for (const ColouredGraph* const graph : graphs) rows.append(*graph->entries);
  return {SparseMatrix::make(static_cast<std::size_t>(graphs[0]->encoding->features), std::move(rows)), {}};
}

/// Sums of the neighbours' features, for the first of equal nodes.
std::shared_ptr<const SparseMatrix> sum_features(std::span<const ColouredGraph* const> graphs,
                                                 std::span<const Rows::Node> nodes) {
  const auto count = static_cast<std::size_t>(graphs[0]->encoding->features);
  SparseMatrix::Rows rows;
  std::vector<float> sums(count);
  for (const auto [graph, node] : nodes) {
    const auto& [begin, from, weight] = *graphs[graph]->entries;
    std::ranges::fill(sums, 0.0F);
    for (std::size_t entry = begin[node]; entry < begin[node + 1]; ++entry) {
      const float* const x = graphs[graph]->encoding->x.data() + from[entry] * count;
      for (std::size_t feature = 0; feature < count; ++feature) sums[feature] += weight[entry] * x[feature];
    }
    for (std::size_t feature = 0; feature < count; ++feature) {
      if (sums[feature] != 0) rows.add(feature, sums[feature]);
    }
    rows.end_row();
  }
  return SparseMatrix::make(count, std::move(rows));
}

/// What is not zero in a row-major matrix.
std::shared_ptr<const SparseMatrix::Rows> entries_of(const float* row, std::size_t rows, std::size_t columns) {
  SparseMatrix::Rows entries;
  for (std::size_t i = 0; i < rows; ++i, row += columns) {
    for (std::size_t j = 0; j < columns; ++j) {
      if (row[j] != 0) entries.add(j, row[j]);
    }
    entries.end_row();
  }
  return std::make_shared<const SparseMatrix::Rows>(std::move(entries));
}

}  // namespace

/// Colour refinement (Weisfeiler and Leman): nodes whose neighbours have the same colours get the same colour, in
/// whatever order the neighbours come: their rows are summed.
ColouredGraph coloured(const Encoding& e, int depth, const ColouredGraph* like) {
  assert(depth > 0);
  if (e.adjacency.empty()) return {&e, entries_of(e.x.data(), 1, e.x.size()), {}};
  const auto nodes = static_cast<std::size_t>(e.nodes), features = static_cast<std::size_t>(e.features);
  const bool alike = like != nullptr && like->encoding->adjacency == e.adjacency;
  ColouredGraph graph{&e, alike ? like->entries : entries_of(e.adjacency.data(), nodes, nodes), {}};
  std::vector<std::uint64_t> before(nodes);
  for (std::size_t node = 0; node < nodes; ++node) {
    for (std::size_t f = 0; f < features; ++f) {
      const float x = e.x[node * features + f];
      if (x != 0) before[node] = mix(before[node], f << 32 | std::bit_cast<std::uint32_t>(x));
    }
  }
  const auto& [begin, from, weight] = *graph.entries;
  graph.colours.reserve(nodes * static_cast<std::size_t>(depth));
  for (int round = 0; round < depth; ++round) {
    for (std::size_t to = 0; to < nodes; ++to) {
      std::uint64_t colour = 0;
      for (std::size_t entry = begin[to]; entry < begin[to + 1]; ++entry) {
        colour += mix(before[from[entry]], std::bit_cast<std::uint32_t>(weight[entry]));
      }
      graph.colours.push_back(colour);
    }
    before.assign(graph.colours.end() - e.nodes, graph.colours.end());
  }
  return graph;
}

GraphBatch batch_graphs(std::span<const ColouredGraph* const> graphs) {
  if (graphs[0]->encoding->adjacency.empty()) return batch_flat(graphs);
  const std::size_t nodes = graphs[0]->nodes();
  Rows before = rows_after(0, graphs);
  GraphBatch batch{sum_features(graphs, before.first_seen), {}};

  const auto add_adjacency = [&](std::span<const Rows::Node> to) {
    SparseMatrix::Rows rows;
    for (const auto [graph, node] : to) {
      const auto& [begin, from, weight] = *graphs[graph]->entries;
      for (std::size_t entry = begin[node]; entry < begin[node + 1]; ++entry) {
        rows.add(before.of[graph * nodes + from[entry]], weight[entry]);
      }
      rows.end_row();
    }
    batch.adjacency.push_back(SparseMatrix::make(before.first_seen.size(), std::move(rows)));
  };
  for (std::size_t convolution = 1; convolution < graphs[0]->depth(); ++convolution) {
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
