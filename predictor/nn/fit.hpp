#pragma once

#include <functional>
#include <vector>

#include "predictor/autodiff/tape.hpp"
#include "predictor/graph_batch.hpp"
#include "predictor/nn/adam.hpp"
#include "spaces/random.hpp"

namespace naslat {

/// How a network is trained on the samples of one device alone.
struct FitConfig {
  int steps = 0;
  double rate = 1e-3;  ///< Adam's at the first step; falls to zero by a cosine (Loshchilov and Hutter 2017)
  std::size_t batch = 0;
};

/// Predicted targets of a batch, architectures×1.
using Forward = std::function<Var(Tape<float>&, const GraphBatch&, std::span<const Var> parameters)>;

/// Minimises the mean squared error of `forward` over the samples, in batches drawn anew in every pass.
/// @param depth as in coloured() @throws Interrupted
void fit(std::vector<Matrix<float>>& parameters, const Forward& forward, std::span<const Encoding> x,
         std::span<const double> targets, int depth, const FitConfig& config, Rng& rng);

/// Predicted targets of one batch, architectures×1, on a tape that is clear.
using PredictBatch = std::function<Matrix<float>(Tape<float>&, const GraphBatch&)>;

/// The targets of many architectures, a few hundred at a time. @param threads do not change the result
[[nodiscard]] std::vector<double> predict_all(std::span<const Encoding> x, int depth, int threads,
                                              const PredictBatch& predict);

}  // namespace naslat
