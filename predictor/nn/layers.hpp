#pragma once

#include <span>
#include <vector>

#include "predictor/autodiff/tape.hpp"
#include "spaces/random.hpp"

namespace naslat {

/// Each entry uniform within ±half_width, drawn row by row.
[[nodiscard]] Matrix<float> uniform(Eigen::Index rows, Eigen::Index columns, double half_width, Rng& rng);
/// 1×count standard normal draws.
[[nodiscard]] Matrix<float> normal_row(Eigen::Index count, Rng& rng);

/// Numbers as a 1×n row or an n×1 column.
[[nodiscard]] Matrix<float> row(std::span<const double> values);
[[nodiscard]] Matrix<float> column(std::span<const double> values);

[[nodiscard]] std::vector<Matrix<float>> values_of(const Tape<float>& tape, std::span<const Var> vars);
/// @note the values are not copied
[[nodiscard]] std::vector<Var> leaves(Tape<float>& tape, std::span<const Matrix<float>> values);

/// Linear layers with ReLU between them, none after the last. @param parameters weight (in×out) and bias of each
template <typename T>
[[nodiscard]] Var perceptron(Tape<T>& tape, Var x, std::span<const Var> parameters) {
  for (std::size_t i = 0; i < parameters.size(); i += 2) {
    x = tape.linear(x, parameters[i], parameters[i + 1], i + 2 < parameters.size());
  }
  return x;
}

}  // namespace naslat
