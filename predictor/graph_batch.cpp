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

/// Colour refinement (Weisfeiler and Leman): after `depth` rounds, nodes of one colour have equal rows after as many
/// graph convolutions, whatever their weights.
std::vector<std::uint64_t> colours(const Encoding& e, int depth) {
  const auto nodes = static_cast<std::size_t>(e.nodes), features = static_cast<std::size_t>(e.features);
  std::vector<std::uint64_t> colour(nodes), next(nodes);
  for (std::size_t node = 0; node < nodes; ++node) {
    for (std::size_t f = 0; f < features; ++f) {
      colour[node] = mix(colour[node], std::bit_cast<std::uint32_t>(e.x[node * features + f]));
    }
  }
  for (int round = 0; round < depth && !e.adjacency.empty(); ++round) {
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
  return colour;
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

}  // namespace

GraphBatch batch_graphs(std::span<const Encoding* const> encodings, int depth) {
  std::unordered_map<std::uint64_t, std::size_t> row_of;
  std::vector<std::pair<std::size_t, std::size_t>> first_seen;  // of each row: encoding and node
  std::vector<std::vector<std::size_t>> rows(encodings.size());
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const std::vector<std::uint64_t> colour = colours(*encodings[i], depth);
    for (std::size_t node = 0; node < colour.size(); ++node) {
      const auto [found, is_new] = row_of.try_emplace(colour[node], row_of.size());
      if (is_new) first_seen.emplace_back(i, node);
      rows[i].push_back(found->second);
    }
  }

  GraphBatch batch;
  const auto features = static_cast<std::size_t>(encodings.empty() ? 0 : encodings[0]->features);
  batch.nodes.resize(static_cast<Eigen::Index>(first_seen.size()), static_cast<Eigen::Index>(features));
  std::vector<SparseMatrix::Entry> adjacency, readout;
  const auto neighbours = [&](std::size_t i, std::size_t to, std::size_t row,
                              std::vector<SparseMatrix::Entry>& entries) {
    for (std::size_t from = 0; from < rows[i].size(); ++from) {
      if (const float weight = connected(*encodings[i], to, from); weight != 0)
        entries.push_back({row, rows[i][from], weight});
    }
  };
  for (std::size_t row = 0; row < first_seen.size(); ++row) {
    const auto [i, node] = first_seen[row];
    for (std::size_t f = 0; f < features; ++f) {
      batch.nodes(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(f)) = encodings[i]->x[node * features + f];
    }
    if (!encodings[i]->adjacency.empty()) neighbours(i, node, row, adjacency);
  }
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    if (encodings[i]->adjacency.empty()) {
      readout.push_back({i, rows[i][0], 1});
    } else {
      neighbours(i, rows[i].size() - 1, i, readout);
    }
  }
  if (!adjacency.empty()) {
    batch.adjacency = SparseMatrix::make(first_seen.size(), first_seen.size(), std::move(adjacency));
    batch.nodes = product(*batch.adjacency, batch.nodes);
  }
  batch.readout = SparseMatrix::make(encodings.size(), first_seen.size(), std::move(readout));
  return batch;
}

GraphBatch batch_graphs(std::span<const Encoding> encodings, int depth) {
  std::vector<const Encoding*> pointers;
  for (const Encoding& encoding : encodings) pointers.push_back(&encoding);
  return batch_graphs(pointers, depth);
}

}  // namespace naslat
