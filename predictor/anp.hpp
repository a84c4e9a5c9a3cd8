#pragma once

#include "predictor/help.hpp"

namespace naslat {

/// An attentive neural process (anp_model.hpp), meta-trained on HELP's episodes: the support is its context, and
/// adapting is reading it. It sees no hardware embedding, as no rival in the paper's Table 2 does.
/// @param training its rate, episodes, samples, seed and threads
[[nodiscard]] std::unique_ptr<LatencyPredictor> make_anp(const HelpTraining& training);

}  // namespace naslat
