#include "predictor/autodiff/tape.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

#include "predictor/autodiff/kernels.hpp"

namespace naslat {

std::shared_ptr<const SparseMatrix> SparseMatrix::make(std::size_t columns, Rows by_row) {
  Rows by_column{std::vector<std::size_t>(columns + 1), std::vector<std::uint32_t>(by_row.column.size()),
                 std::vector<float>(by_row.column.size())};
  for (const std::uint32_t column : by_row.column) ++by_column.begin[column + 1];
  std::partial_sum(by_column.begin.begin(), by_column.begin.end(), by_column.begin.begin());
  std::vector<std::size_t> next(by_column.begin);
  const std::size_t rows = by_row.begin.size() - 1;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t entry = by_row.begin[row]; entry < by_row.begin[row + 1]; ++entry) {
      const std::size_t at = next[by_row.column[entry]]++;
      by_column.column[at] = static_cast<std::uint32_t>(row);
      by_column.value[at] = by_row.value[entry];
    }
  }
  return std::make_shared<const SparseMatrix>(SparseMatrix{rows, columns, std::move(by_row), std::move(by_column)});
}

template <typename T>
Var Tape<T>::record(Node node, Eigen::Index rows, Eigen::Index columns) {
  node.data = reinterpret_cast<T*>(memory_.take(static_cast<std::size_t>(rows * columns) * sizeof(T)));
  node.rows = rows;
  node.columns = columns;
  nodes_.push_back(node);
  return {static_cast<std::ptrdiff_t>(nodes_.size()) - 1};
}

template <typename T>
void Tape<T>::recycle(Var x) {
  Node& node = nodes_[static_cast<std::size_t>(x.id)];
  if (node.data == nullptr) return;
  if (node.owned) {
    memory_.give_back(reinterpret_cast<std::byte*>(result(x).data()),
                      static_cast<std::size_t>(node.rows * node.columns) * sizeof(T));
  }
  node.data = nullptr;
}

template <typename T>
void Tape<T>::clear() {
  for (Var x{0}; x.id < std::ssize(nodes_); ++x.id) recycle(x);
  nodes_.clear();
  matrices_.clear();
}

template <typename T>
Var Tape<T>::leaf(const Eigen::Ref<const Matrix<T>>& value) {
  const Var x = record({}, value.rows(), value.cols());
  result(x) = value;
  return x;
}

template <typename T>
Var Tape<T>::parameter(const Matrix<T>& value) {
  nodes_.push_back({.data = value.data(), .rows = value.rows(), .columns = value.cols(), .owned = false});
  return {std::ssize(nodes_) - 1};
}

template <typename T>
Var Tape<T>::filled(Eigen::Index rows, Eigen::Index columns, T value) {
  const Var x = record({}, rows, columns);
  result(x).setConstant(value);
  return x;
}

template <typename T>
Product Tape<T>::product(Var a, Var b, bool transpose_a, bool transpose_b) const {
  const auto left = value(a), right = value(b);
  const Product p = {.m = transpose_a ? left.cols() : left.rows(),
                     .n = transpose_b ? right.rows() : right.cols(),
                     .k = transpose_a ? left.rows() : left.cols(),
                     .transpose_a = transpose_a,
                     .transpose_b = transpose_b};
  assert(p.k == (transpose_b ? right.cols() : right.rows()));
  return p;
}

template <typename T>
Var Tape<T>::matmul(Var a, Var b, bool transpose_a, bool transpose_b) {
  const Product p = product(a, b, transpose_a, transpose_b);
  const Var x =
      record({.kind = Kind::matmul, .a = a, .b = b, .transpose_a = transpose_a, .transpose_b = transpose_b}, p.m, p.n);
  naslat::multiply<T>(p, value(a).data(), value(b).data(), nullptr, result(x).data());
  return x;
}

template <typename T>
Var Tape<T>::linear(Var x, Var weight, Var bias, bool rectified) {
  Product p = product(x, weight, false, false);
  p.rectified = rectified;
  assert(value(bias).size() == p.n);
  const Var y = record({.kind = Kind::matmul, .a = x, .b = weight, .c = bias, .rectified = rectified}, p.m, p.n);
  naslat::multiply<T>(p, value(x).data(), value(weight).data(), value(bias).data(), result(y).data());
  return y;
}

template <typename T>
void Tape<T>::accumulate_product(Var sum, Var a, Var b, bool transpose_a, bool transpose_b) {
  Product p = product(a, b, transpose_a, transpose_b);
  p.added = true;
  naslat::multiply<T>(p, value(a).data(), value(b).data(), nullptr, result(sum).data());
}

template <typename T>
Var Tape<T>::record_sparse(Node node) {
  const SparseMatrix& s = *node.matrix;
  const SparseMatrix::Rows& rows = node.transpose_a ? s.by_column : s.by_row;
  const auto count = static_cast<Eigen::Index>(node.transpose_a ? s.columns : s.rows);
  const Var x = node.a;
  const T* const bias = node.rectified ? value(node.c).data() : nullptr;
  assert(static_cast<std::size_t>(value(x).rows()) == (node.transpose_a ? s.rows : s.columns));
  const Var y = record(node, count, value(x).cols());
  multiply_sparse<T>({count, value(x).rows(), rows.begin.data(), rows.column.data(), rows.value.data()},
                     value(x).data(), bias, result(y).data(), value(x).cols());
  return y;
}

template <typename T>
Var Tape<T>::sparse(const std::shared_ptr<const SparseMatrix>& s, Var x, bool transpose) {
  matrices_.push_back(s);
  return record_sparse({.kind = Kind::sparse, .a = x, .transpose_a = transpose, .matrix = s.get()});
}

template <typename T>
Var Tape<T>::rectified_sparse(const std::shared_ptr<const SparseMatrix>& s, Var x, Var bias) {
  assert(value(bias).size() == value(x).cols());
  matrices_.push_back(s);
  return record_sparse({.kind = Kind::sparse, .a = x, .c = bias, .rectified = true, .matrix = s.get()});
}

template <typename T>
Var Tape<T>::add(Var a, Var b) {
  const Var x = record({.kind = Kind::add, .a = a, .b = b}, value(a).rows(), value(a).cols());
  naslat::add<T>(value(a).data(), value(b).data(), result(x).data(), value(a).size());
  return x;
}

template <typename T>
void Tape<T>::accumulate(Var sum, Var x, Eigen::Index first) {
  Value to = result(sum);
  const auto from = value(x);
  const bool whole = from.cols() == to.cols();
  const Eigen::Index parts = whole ? 1 : from.rows(), size = whole ? from.size() : from.cols();
  for (Eigen::Index part = 0; part < parts; ++part) {
    T* const at = to.data() + part * to.cols() + first;
    naslat::add<T>(at, from.data() + part * size, at, size);
  }
}

template <typename T>
void Tape<T>::accumulate_multiple(Var sum, Var a, Var b, T factor) {
  T* const to = result(sum).data();
  naslat::multiply_add<T>(to, value(a).data(), value(b).data(), factor, to, value(a).size());
}

template <typename T>
Var Tape<T>::subtract(Var a, Var b) {
  const Var x = record({.kind = Kind::subtract, .a = a, .b = b}, value(a).rows(), value(a).cols());
  result(x) = value(a) - value(b);
  return x;
}

template <typename T>
Var Tape<T>::multiply(Var a, Var b, T factor) {
  const Var x = record({.kind = Kind::multiply, .a = a, .b = b, .factor = factor}, value(a).rows(), value(a).cols());
  naslat::multiply_add<T>(nullptr, value(a).data(), value(b).data(), factor, result(x).data(), value(a).size());
  return x;
}

template <typename T>
Var Tape<T>::subtract_product(Var a, Var b, Var c) {
  const Var x = record({.kind = Kind::subtract_product, .a = a, .b = b, .c = c}, value(a).rows(), value(a).cols());
  naslat::multiply_add<T>(value(a).data(), value(b).data(), value(c).data(), -1, result(x).data(), value(a).size());
  return x;
}

template <typename T>
Var Tape<T>::multiply_row(Var a, Var row) {
  const Var x = record({.kind = Kind::multiply_row, .a = a, .b = row}, value(a).rows(), value(a).cols());
  naslat::multiply_row<T>(value(a).data(), value(row).data(), result(x).data(), value(a).rows(), value(a).cols());
  return x;
}

template <typename T>
Var Tape<T>::scale(Var a, T factor) {
  const Var x = record({.kind = Kind::scale, .a = a, .factor = factor}, value(a).rows(), value(a).cols());
  result(x) = value(a) * factor;
  return x;
}

template <typename T>
Var Tape<T>::repeat_row(Var row, Eigen::Index rows) {
  const Var x = record({.kind = Kind::repeat_row, .a = row}, rows, value(row).cols());
  for (Eigen::Index i = 0; i < rows; ++i) std::copy_n(value(row).data(), value(row).cols(), result(x).row(i).data());
  return x;
}

template <typename T>
Var Tape<T>::column_sums(Var a) {
  const Var x = record({.kind = Kind::column_sums, .a = a}, 1, value(a).cols());
  naslat::sum_columns<T>(value(a).data(), nullptr, result(x).data(), value(a).rows(), value(a).cols());
  return x;
}

template <typename T>
Var Tape<T>::column_dots(Var a, Var b) {
  const Var x = record({.kind = Kind::column_dots, .a = a, .b = b}, 1, value(a).cols());
  naslat::sum_columns<T>(value(a).data(), value(b).data(), result(x).data(), value(a).rows(), value(a).cols());
  return x;
}

template <typename T>
Var Tape<T>::repeat(Var scalar, Eigen::Index rows, Eigen::Index columns) {
  const Var x = record({.kind = Kind::repeat, .a = scalar}, rows, columns);
  result(x).setConstant(value(scalar)(0, 0));
  return x;
}

template <typename T>
Var Tape<T>::sum(Var a) {
  const Var x = record({.kind = Kind::sum, .a = a}, 1, 1);
  result(x)(0, 0) = value(a).sum();
  return x;
}

template <typename T>
Var Tape<T>::gate(Var a, Var by) {
  const Var x = record({.kind = Kind::gate, .a = a, .b = by}, value(a).rows(), value(a).cols());
  naslat::gate<T>(value(a).data(), value(by).data(), result(x).data(), value(a).size());
  return x;
}

template <typename T>
Var Tape<T>::columns(Var a, Eigen::Index first, Eigen::Index count) {
  const Var x = record({.kind = Kind::columns, .a = a, .first = first}, value(a).rows(), count);
  result(x) = value(a).middleCols(first, count);
  return x;
}

template <typename T>
Var Tape<T>::pad_columns(Var a, Eigen::Index first, Eigen::Index total) {
  const Var x = record({.kind = Kind::pad_columns, .a = a, .first = first}, value(a).rows(), total);
  result(x).setZero();
  result(x).middleCols(first, value(a).cols()) = value(a);
  return x;
}

template <typename T>
Var Tape<T>::softplus(Var a) {
  const Var x = record({.kind = Kind::softplus, .a = a}, value(a).rows(), value(a).cols());
  const auto v = value(a).array();
  result(x) = (v.max(T(0)) + (-v.abs()).exp().log1p()).matrix();
  return x;
}

template <typename T>
Var Tape<T>::sigmoid(Var a) {
  const Var x = record({.kind = Kind::sigmoid, .a = a}, value(a).rows(), value(a).cols());
  result(x) = value(a).unaryExpr([](T v) { return T(1) / (T(1) + std::exp(-v)); });
  return x;
}

template <typename T>
Var Tape<T>::log(Var a) {
  const Var x = record({.kind = Kind::log, .a = a}, value(a).rows(), value(a).cols());
  result(x) = value(a).array().log().matrix();
  return x;
}

template <typename T>
Var Tape<T>::reciprocal(Var a) {
  const Var x = record({.kind = Kind::reciprocal, .a = a}, value(a).rows(), value(a).cols());
  result(x) = value(a).cwiseInverse();
  return x;
}

template <typename T>
Var Tape<T>::softmax(Var a) {
  const Var x = record({.kind = Kind::softmax, .a = a}, value(a).rows(), value(a).cols());
  for (Eigen::Index row = 0; row < value(a).rows(); ++row) {
    auto weights = result(x).row(row).array();
    weights = (value(a).row(row).array() - value(a).row(row).maxCoeff()).exp();
    weights /= weights.sum();
  }
  return x;
}

template class Tape<float>;
template class Tape<double>;

}  // namespace naslat
