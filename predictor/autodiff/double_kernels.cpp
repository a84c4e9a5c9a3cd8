// What the tape calls in double precision: plain, for checks. Compiled without contraction to fused multiply-adds, so
// that sums are the same to the last bit whether a product is added as it is made or afterwards.

#include <Eigen/Core>
#include <algorithm>

#include "predictor/autodiff/element_code.hpp"
#include "predictor/autodiff/kernels.hpp"

namespace naslat {

template <>
void multiply(const Product& p, const double* a, const double* b, const double* bias, double* c) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> left(a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k);
  const Eigen::Map<const Matrix> right(b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n);
  const Matrix op_a = p.transpose_a ? Matrix(left.transpose()) : Matrix(left);
  const Matrix op_b = p.transpose_b ? Matrix(right.transpose()) : Matrix(right);
  Eigen::Map<Matrix> result(c, p.m, p.n);
  if (!p.added) result.setZero();
  result.noalias() += op_a * op_b;
  if (bias != nullptr) result.rowwise() += Eigen::Map<const Eigen::RowVectorXd>(bias, p.n);
  if (p.rectified) result = result.cwiseMax(0);
}

template <>
void multiply_sparse(const SparseRows& s, const double* x, const double* bias, double* y, std::ptrdiff_t columns) {
  for (std::ptrdiff_t row = 0; row < s.rows; ++row, y += columns) {
    for (std::ptrdiff_t j = 0; j < columns; ++j) y[j] = bias != nullptr ? bias[j] : 0;
    for (std::size_t e = s.begin[row]; e < s.begin[row + 1]; ++e) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) {
        y[j] += static_cast<double>(s.value[e]) * x[static_cast<std::ptrdiff_t>(s.column[e]) * columns + j];
      }
    }
    for (std::ptrdiff_t j = 0; bias != nullptr && j < columns; ++j) y[j] = std::max(y[j], 0.0);
  }
}

template <>
void gate(const double* x, const double* by, double* y, std::ptrdiff_t count) {
  gate_values(x, by, y, count);
}
template <>
void add(const double* a, const double* b, double* y, std::ptrdiff_t count) {
  add_values(a, b, y, count);
}
template <>
void multiply_add(const double* base, const double* a, const double* b, double factor, double* y,
                  std::ptrdiff_t count) {
  multiply_add_values(base, a, b, factor, y, count);
}
template <>
void multiply_row(const double* x, const double* row, double* y, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  multiply_row_values(x, row, y, rows, columns);
}
template <>
void sum_columns(const double* a, const double* b, double* y, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  sum_column_values(a, b, y, rows, columns);
}

}  // namespace naslat
