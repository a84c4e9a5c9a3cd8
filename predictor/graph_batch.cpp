#include "predictor/graph_batch.hpp"

#include <bit>
#include <cstdint>
#include <unordered_map>

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

Matrix<float> product(const SparseMatrix& s, const Matrix<float>& x) {
  Matrix<float> y = Matrix<float>::Zero(static_cast<Eigen::Index>(s.rows), x.cols());
  for (std::size_t row = 0; row < s.rows; ++row) {
    for (std::size_t e = s.by_row.begin[row]; e < s.by_row.begin[row + 1]; ++e) {
      y.row(static_cast<Eigen::Index>(row)) += s.by_row.value[e] * x.row(static_cast<Eigen::Index>(s.by_row.column[e]));
    }
  }
  return y;
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

/// Colour refinement (Weisfeiler and Leman): after `depth` rounds, nodes of one colour have equal rows after as many
/// graph convolutions, whatever their weights.
ColouredGraph coloured(const Encoding& e, int depth) {
  if (e.adjacency.empty()) return {&e, {}};
  const auto nodes = static_cast<std::size_t>(e.nodes), features = static_cast<std::size_t>(e.features);
  std::vector<std::uint64_t> colour(nodes), next(nodes);
  for (std::size_t node = 0; node < nodes; ++node) {
    for (std::size_t f = 0; f < features; ++f) {
      colour[node] = mix(colour[node], std::bit_cast<std::uint32_t>(e.x[node * features + f]));
    }
  }
  for (int round = 0; round < depth; ++round) {
    for (std::size_t to = 0; to < nodes; ++to) {
      next[to] = colour[to];
      for (std::size_t from = 0; from < nodes; ++from) {
        if (const float weight = connected(e, to, from); weight != 0) {
          next[to] = mix(mix(next[to], colour[from]), std::bit_cast<std::uint32_t>(weight));
        }
      }
    }
    colour.swap(next);
  }
  return {&e, std::move(colour)};
}

GraphBatch batch_graphs(std::span<const ColouredGraph* const> graphs) {
  if (graphs.empty() || graphs[0]->colours.empty()) return batch_flat(graphs);
  std::unordered_map<std::uint64_t, std::size_t> row_of;
  std::vector<std::pair<std::size_t, std::size_t>> first_seen;  // of each row: graph and node
  std::vector<std::vector<std::size_t>> rows(graphs.size());
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    const std::vector<std::uint64_t>& colours = graphs[i]->colours;
    for (std::size_t node = 0; node < colours.size(); ++node) {
      const auto [found, is_new] = row_of.try_emplace(colours[node], row_of.size());
      if (is_new) first_seen.emplace_back(i, node);
      rows[i].push_back(found->second);
    }
  }

  GraphBatch batch;
  const auto features = static_cast<std::size_t>(graphs[0]->encoding->features);
  batch.nodes.resize(static_cast<Eigen::Index>(first_seen.size()), static_cast<Eigen::Index>(features));
  std::vector<SparseMatrix::Entry> adjacency, readout;
  const auto neighbours = [&](std::size_t i, std::size_t to, std::size_t row,
                              std::vector<SparseMatrix::Entry>& entries) {
    for (std::size_t from = 0; from < rows[i].size(); ++from) {
      if (const float weight = connected(*graphs[i]->encoding, to, from); weight != 0)
        entries.push_back({row, rows[i][from], weight});
    }
  };
  for (std::size_t row = 0; row < first_seen.size(); ++row) {
    const auto [i, node] = first_seen[row];
    for (std::size_t f = 0; f < features; ++f) {
      batch.nodes(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(f)) =
          graphs[i]->encoding->x[node * features + f];
    }
    neighbours(i, node, row, adjacency);
  }
  for (std::size_t i = 0; i < graphs.size(); ++i) neighbours(i, rows[i].size() - 1, i, readout);
  batch.adjacency = SparseMatrix::make(first_seen.size(), first_seen.size(), std::move(adjacency));
  batch.nodes = product(*batch.adjacency, batch.nodes);
  batch.readout = SparseMatrix::make(graphs.size(), first_seen.size(), std::move(readout));
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
