#pragma once

#include <Eigen/Core>
#include <memory>
#include <span>

#include "predictor/autodiff/tape.hpp"
#include "spaces/encoding.hpp"

namespace naslat {

/// Many architectures' graphs as one: the node rows of all of them under each other, and the adjacencies as one sparse
/// matrix. Nodes that look alike as far as graph convolutions can see (equal features, equal neighbourhoods up to the
/// depth) are one row: 200 random NAS-Bench-201 graphs have about 660 different nodes of 1,800. A flat space has one
/// node per architecture and no adjacency.
struct GraphBatch {
  Matrix<float> nodes;  ///< features summed over neighbours (A·X), one row per different node
  std::shared_ptr<const SparseMatrix> adjacency;  ///< nodes × nodes; null in a flat space
  std::shared_ptr<const SparseMatrix>
      readout;  ///< architectures × nodes: the last (global) node's row of each adjacency
};

/// @param depth graph convolutions that run on all nodes, before the one that is read out
/// @pre all encodings have the same nodes and features
[[nodiscard]] GraphBatch batch_graphs(std::span<const Encoding* const> encodings, int depth);
[[nodiscard]] GraphBatch batch_graphs(std::span<const Encoding> encodings, int depth);

}  // namespace naslat
