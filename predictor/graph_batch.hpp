#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "predictor/autodiff/tape.hpp"
#include "spaces/encoding.hpp"

namespace naslat {

/// Many architectures' graphs as one: the node rows of all of them under each other, and the adjacencies as one sparse
/// matrix. Nodes that look alike as far as graph convolutions can see (equal features, equal neighbourhoods up to the
/// depth) are one row: 200 random NAS-Bench-201 graphs have about 660 different nodes of 1,800. A flat space has one
/// node per architecture, and neither of the sparse matrices.
struct GraphBatch {
  Matrix<float> nodes;  ///< features summed over neighbours (A·X), one row per different node
  std::shared_ptr<const SparseMatrix> adjacency;  ///< nodes × nodes
  std::shared_ptr<const SparseMatrix>
      readout;  ///< architectures × nodes: the last (global) node's row of each adjacency

  [[nodiscard]] Eigen::Index architectures() const {
    return readout ? static_cast<Eigen::Index>(readout->rows) : nodes.rows();
  }
};

/// An encoding and what graph convolutions can tell its nodes apart by. @note the encoding is not copied
struct ColouredGraph {
  const Encoding* encoding;
  std::vector<std::uint64_t> colours;  ///< of each node; none in a flat space
};
/// @param depth graph convolutions that run on all nodes, before the one that is read out
[[nodiscard]] ColouredGraph coloured(const Encoding& encoding, int depth);

/// @pre all encodings have the same nodes and features, and were coloured to the same depth
[[nodiscard]] GraphBatch batch_graphs(std::span<const ColouredGraph* const> graphs);
[[nodiscard]] GraphBatch batch_graphs(std::span<const Encoding> encodings, int depth);

}  // namespace naslat
