#pragma once

#include <vector>

#include "spaces/work.hpp"

namespace naslat {

/// What a predictor may see of an architecture: node features and the matrix that graph convolutions multiply by.
/// A flat space has one node and no adjacency.
struct Encoding {
  int nodes = 1;         ///< rows of x
  int features = 0;      ///< columns of x
  std::vector<float> x;  ///< nodes × features, row-major
  std::vector<float>
      adjacency;    ///< nodes × nodes, row-major; row j holds 1 where node j reads node i; empty if nodes == 1
  double macs = 0;  ///< of the network, where a predictor asks for its work; 0 otherwise
  Work work{};      ///< likewise; without sums otherwise

  bool operator==(const Encoding&) const = default;
};

}  // namespace naslat
