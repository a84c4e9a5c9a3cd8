#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "predictor/autodiff/tape.hpp"
#include "spaces/encoding.hpp"

namespace naslat {

/// Many architectures' graphs as one, for graph convolutions H' = ReLU(A·H·W + b). After each of them, nodes whose rows
/// are equal whatever the weights (equal neighbourhoods up to the depth) are one row: 200 random NAS-Bench-201 graphs
/// have 1,800 nodes, but about 230 different rows after one convolution and 600 after two or three. A flat space has
/// one row per architecture and no adjacencies.
struct GraphBatch {
  std::shared_ptr<const SparseMatrix> features;  ///< A·X of the first convolution; X in a flat space
  /// A of each further convolution: rows after it × rows before it. After the last of them only the last (global) node
  /// is read: its rows are the architectures.
  std::vector<std::shared_ptr<const SparseMatrix>> adjacency;

  [[nodiscard]] Eigen::Index architectures() const {
    return static_cast<Eigen::Index>((adjacency.empty() ? features : adjacency.back())->rows);
  }
};

/// An encoding and what graph convolutions can tell its nodes apart by. @note the encoding is not copied
struct ColouredGraph {
  const Encoding* encoding;
  std::shared_ptr<const SparseMatrix::Rows> entries;  ///< of the adjacency, a row per node; of flat features, one row
  std::vector<std::uint64_t> colours;  ///< of all nodes after the first convolution, after the second and so on

  [[nodiscard]] std::size_t nodes() const { return static_cast<std::size_t>(encoding->nodes); }
  [[nodiscard]] std::size_t depth() const { return colours.size() / nodes(); }  ///< none in a flat space
};
/// @param depth graph convolutions that run on all nodes, one at least, before the one that is read out
/// @param like another one, whose adjacency may be the same; null if there is none
[[nodiscard]] ColouredGraph coloured(const Encoding& encoding, int depth, const ColouredGraph* like = nullptr);

/// @pre there are some, all with the same nodes and features, coloured to the same depth
[[nodiscard]] GraphBatch batch_graphs(std::span<const ColouredGraph* const> graphs);
[[nodiscard]] GraphBatch batch_graphs(std::span<const Encoding> encodings, int depth);

/// ReLU(A·H·W + b), or without A in a flat space. Products come where rows are fewest: before the sum, as colours are
/// only told apart further, but after it in the last layer, which reads one node of each graph. The order hangs on the
/// layer alone, so that rounding does not depend on the other graphs of the batch.
/// @param layer 0 for the first, which starts from the batch's features and has no h @param weight in×out
/// @param bias 1×out
template <typename T>
[[nodiscard]] Var graph_convolution(Tape<T>& tape, const GraphBatch& batch, std::size_t layer, Var h, Var weight,
                                    Var bias) {
  if (layer == 0) return tape.rectified_sparse(batch.features, weight, bias);
  if (batch.adjacency.empty()) return tape.linear(h, weight, bias, true);
  const auto& adjacency = batch.adjacency[layer - 1];
  if (layer < batch.adjacency.size()) return tape.rectified_sparse(adjacency, tape.matmul(h, weight), bias);
  return tape.linear(tape.sparse(adjacency, h), weight, bias, true);
}

}  // namespace naslat
