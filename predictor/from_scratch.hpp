#pragma once

#include "predictor/predictor.hpp"

namespace naslat {

/// HELP's network, conditioned on the hardware embedding, without meta-training: trained on the target's samples alone
/// (`scratch` in the paper's Figure 3).
[[nodiscard]] std::unique_ptr<LatencyPredictor> make_scratch();

/// BRP-NAS (Dudziak et al., NeurIPS 2020): four graph convolutions of 600 units and a linear layer, trained on the
/// target's samples alone. In a space without graphs the four are linear layers.
[[nodiscard]] std::unique_ptr<LatencyPredictor> make_brp_nas();

}  // namespace naslat
