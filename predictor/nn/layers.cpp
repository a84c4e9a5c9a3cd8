#include "predictor/nn/layers.hpp"

namespace naslat {

Matrix<float> uniform(Eigen::Index rows, Eigen::Index columns, double half_width, Rng& rng) {
  Matrix<float> matrix(rows, columns);
  for (float& value : matrix.reshaped<Eigen::RowMajor>()) {
    value = static_cast<float>((2 * rng.uniform() - 1) * half_width);
  }
  return matrix;
}

Matrix<float> normal_row(Eigen::Index count, Rng& rng) {
  Matrix<float> matrix(1, count);
  for (float& value : matrix.reshaped<Eigen::RowMajor>()) value = static_cast<float>(rng.normal());
  return matrix;
}

Matrix<float> row(std::span<const double> values) {
  return Eigen::Map<const Matrix<double>>(values.data(), 1, static_cast<Eigen::Index>(values.size())).cast<float>();
}

Matrix<float> column(std::span<const double> values) { return row(values).transpose(); }

std::vector<Matrix<float>> values_of(const Tape<float>& tape, std::span<const Var> vars) {
  std::vector<Matrix<float>> values;
  for (const Var x : vars) values.emplace_back(tape.value(x));
  return values;
}

std::vector<Var> leaves(Tape<float>& tape, std::span<const Matrix<float>> values) {
  std::vector<Var> vars;
  for (const Matrix<float>& value : values) vars.push_back(tape.parameter(value));
  return vars;
}

}  // namespace naslat
