#pragma once

#include <memory>
#include <vector>

#include "measure/backend.hpp"
#include "spaces/network.hpp"

namespace naslat {

/// The definition of correct: plain loops in double precision.
[[nodiscard]] std::unique_ptr<Backend> make_reference_backend();

/// Runs a network on its standard input (weights.hpp): the output tensor, row-major. Post-ops and zeros without inputs,
/// as the passes make them, are understood.
[[nodiscard]] std::vector<float> reference_output(const Network& network);
/// The same on a given input.
[[nodiscard]] std::vector<float> reference_output(const Network& network, const std::vector<float>& input);

}  // namespace naslat
