#include "predictor/autodiff/tape.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

#include "predictor/autodiff/kernels.hpp"

namespace naslat {

namespace {

/// Entries by one of their coordinates, in their own order where it is equal.
SparseMatrix::Rows compress(std::size_t rows, std::span<const SparseMatrix::Entry> entries,
                            std::size_t SparseMatrix::Entry::*row, std::size_t SparseMatrix::Entry::*column) {
  SparseMatrix::Rows compressed{std::vector<std::size_t>(rows + 1), std::vector<std::size_t>(entries.size()),
                                std::vector<float>(entries.size())};
  for (const auto& entry : entries) ++compressed.begin[entry.*row + 1];
  std::partial_sum(compressed.begin.begin(), compressed.begin.end(), compressed.begin.begin());
  std::vector<std::size_t> next(compressed.begin);
  for (const auto& entry : entries) {
    const std::size_t at = next[entry.*row]++;
    compressed.column[at] = entry.*column;
    compressed.value[at] = entry.value;
  }
  return compressed;
}

}  // namespace

std::shared_ptr<const SparseMatrix> SparseMatrix::make(std::size_t rows, std::size_t columns,
                                                       std::span<const Entry> entries) {
  return std::make_shared<const SparseMatrix>(SparseMatrix{rows, columns,
                                                           compress(rows, entries, &Entry::row, &Entry::column),
                                                           compress(columns, entries, &Entry::column, &Entry::row)});
}

/// Gradients met so far on the way back, by node.
template <typename T>
class Tape<T>::Accumulator {
 public:
  /// @param last whether values are recycled that are not needed any more
  Accumulator(Tape& tape, Var loss, std::span<const Var> wrt, bool last)
      : tape_(tape), last_(last), gradients_(static_cast<std::size_t>(loss.id) + 1), wanted_(gradients_.size(), false) {
    for (const Var x : wrt) {
      if (x.id <= loss.id) wanted_[static_cast<std::size_t>(x.id)] = true;
    }
    depends_ = wanted_;
    for (std::size_t i = 0; i < depends_.size(); ++i) {
      const Node& node = tape.nodes_[i];
      depends_[i] = depends_[i] || depends(node.a) || depends(node.b) || depends(node.c);
    }
  }

  /// Whether anything in `wrt` reaches x: gradients of all else are not computed.
  [[nodiscard]] bool depends(Var x) const { return x.id >= 0 && depends_[static_cast<std::size_t>(x.id)]; }
  [[nodiscard]] Var at(Var x) const { return gradients_[static_cast<std::size_t>(x.id)]; }

  void add(Var x, Var gradient) {
    Var& sum = gradients_[static_cast<std::size_t>(x.id)];
    if (sum.id < 0) {
      sum = gradient;
    } else if (own(sum)) {
      tape_.accumulate(sum, gradient);
      return;
    } else {
      --holders(sum);
      sum = tape_.add(sum, gradient);
    }
    ++holders(sum);
  }

  /// The same for a gradient op(a)·op(b), and factor·a∘b, which is made where the sum is.
  void add_product(Var x, Var a, Var b, bool transpose_a, bool transpose_b) {
    if (own(at(x))) {
      tape_.accumulate_product(at(x), a, b, transpose_a, transpose_b);
    } else {
      add(x, tape_.matmul(a, b, transpose_a, transpose_b));
    }
  }
  void add_multiple(Var x, Var a, Var b, T factor) {
    if (own(at(x))) {
      tape_.accumulate_multiple(at(x), a, b, factor);
    } else {
      add(x, tape_.multiply(a, b, factor));
    }
  }

  /// The gradient of some columns of x; it is zero for the others.
  void add_columns(Var x, Var gradient, Eigen::Index first) {
    const Var sum = at(x);
    if (own(sum)) {
      tape_.accumulate(sum, gradient, first);
    } else {
      add(x, tape_.pad_columns(gradient, first, tape_.value(x).cols()));
    }
  }

  /// x has passed its gradient on; what was recorded meanwhile begins at `first`.
  void passed(Var x, std::size_t first) {
    if (!last_) return;
    for (Var made{static_cast<std::ptrdiff_t>(first)}; made.id < std::ssize(tape_.nodes_); ++made.id) {
      if (holders(made) == 0) tape_.recycle(made);
    }
    if (wanted_[static_cast<std::size_t>(x.id)]) return;
    tape_.recycle(x);
    if (--holders(at(x)) == 0) tape_.recycle(at(x));
  }

 private:
  /// Whether the sum is one node's gradient only, for the last time: it may change in place.
  [[nodiscard]] bool own(Var sum) { return last_ && sum.id >= 0 && holders(sum) == 1; }
  /// Nodes whose gradient this is.
  int& holders(Var gradient) {
    const std::size_t i = static_cast<std::size_t>(gradient.id) - gradients_.size();
    if (i >= holders_.size()) holders_.resize(2 * i + 1, 0);
    return holders_[i];
  }

  Tape& tape_;
  bool last_;
  std::vector<Var> gradients_;
  std::vector<bool> wanted_, depends_;
  std::vector<int> holders_;
};

template <typename T>
void Tape<T>::propagate(Var loss, Accumulator& into) {
  assert(value(loss).size() == 1);
  into.add(loss, filled(1, 1, 1));
  for (Var x = loss; x.id >= 0; --x.id) {
    if (!into.depends(x) || into.at(x).id < 0) continue;
    const std::size_t first = nodes_.size();
    backward(x, into.at(x), into);
    into.passed(x, first);
  }
}

template <typename T>
std::vector<Var> Tape<T>::gradients(Var loss, std::span<const Var> wrt) {
  Accumulator gradient_of(*this, loss, wrt, false);
  propagate(loss, gradient_of);
  std::vector<Var> results;
  for (const Var x : wrt) {
    const Var gradient = x.id <= loss.id ? gradient_of.at(x) : Var{};
    results.push_back(gradient.id >= 0 ? gradient : filled(value(x).rows(), value(x).cols(), 0));
  }
  return results;
}

template <typename T>
void Tape<T>::last_gradients(Var loss, std::span<const Var> wrt, std::vector<Matrix<T>>& results) {
  Accumulator gradient_of(*this, loss, wrt, true);
  propagate(loss, gradient_of);
  results.resize(wrt.size());
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    const Var gradient = wrt[i].id <= loss.id ? gradient_of.at(wrt[i]) : Var{};
    if (gradient.id >= 0) {
      results[i] = value(gradient);
    } else {
      results[i].setZero(value(wrt[i]).rows(), value(wrt[i]).cols());
    }
  }
  clear();
}

/// Adds this node's share to the gradients of what it was computed from.
template <typename T>
void Tape<T>::backward(Var at, Var g, Accumulator& into) {
  const Node& node = nodes_[static_cast<std::size_t>(at.id)];  // a deque keeps it in place while nodes are appended
  const Var a = node.a, b = node.b;
  const bool to_a = into.depends(a), to_b = into.depends(b);
  switch (node.kind) {
    case Kind::leaf:
      break;
    case Kind::matmul: {
      const bool ta = node.transpose_a, tb = node.transpose_b;
      if (node.rectified) g = gate(g, at);
      if (to_a) ta ? into.add_product(a, b, g, tb, true) : into.add_product(a, g, b, false, !tb);
      if (to_b) tb ? into.add_product(b, g, a, true, ta) : into.add_product(b, a, g, !ta, false);
      if (into.depends(node.c)) into.add(node.c, column_sums(g));
      break;
    }
    case Kind::sparse:
      into.add(a, sparse(node.matrix, g, !node.transpose_a));
      break;
    case Kind::add:
      if (to_a) into.add(a, g);
      if (to_b) into.add(b, g);
      break;
    case Kind::subtract:
      if (to_a) into.add(a, g);
      if (to_b) into.add(b, scale(g, -1));
      break;
    case Kind::multiply:
      if (to_a) into.add_multiple(a, g, b, node.factor);
      if (to_b) into.add_multiple(b, g, a, node.factor);
      break;
    case Kind::subtract_product:
      if (to_a) into.add(a, g);
      if (to_b) into.add_multiple(b, g, node.c, -1);
      if (into.depends(node.c)) into.add_multiple(node.c, g, b, -1);
      break;
    case Kind::multiply_row:
      if (to_a) into.add(a, multiply_row(g, b));
      if (to_b) into.add(b, column_sums(multiply(g, a)));
      break;
    case Kind::scale:
      into.add(a, scale(g, node.factor));
      break;
    case Kind::repeat_row:
      into.add(a, column_sums(g));
      break;
    case Kind::column_sums:
      into.add(a, repeat_row(g, value(a).rows()));
      break;
    case Kind::repeat:
      into.add(a, sum(g));
      break;
    case Kind::sum:
      into.add(a, repeat(g, value(a).rows(), value(a).cols()));
      break;
    case Kind::gate:
      if (to_a) into.add(a, gate(g, b));
      break;
    case Kind::columns:
      into.add_columns(a, g, node.first);
      break;
    case Kind::pad_columns:
      into.add(a, columns(g, node.first, value(a).cols()));
      break;
    case Kind::softplus:
      into.add(a, multiply(g, sigmoid(a)));
      break;
    case Kind::sigmoid:  // s' = s - s²
      into.add(a, multiply(g, subtract(at, multiply(at, at))));
      break;
    case Kind::log:
      into.add(a, multiply(g, reciprocal(a)));
      break;
    case Kind::reciprocal:
      into.add(a, scale(multiply(g, multiply(at, at)), -1));
      break;
    case Kind::softmax: {  // s∘(g - the row's sum of s∘g)
      const Var weighted = multiply(g, at);
      const Var sums = matmul(weighted, filled(value(at).cols(), value(at).cols(), 1));
      into.add(a, subtract(weighted, multiply(at, sums)));
      break;
    }
  }
}

// ---- recording

template <typename T>
Var Tape<T>::record(Node node, Eigen::Index rows, Eigen::Index columns) {
  node.data = reinterpret_cast<T*>(memory_.take(static_cast<std::size_t>(rows * columns) * sizeof(T)));
  node.rows = rows;
  node.columns = columns;
  nodes_.push_back(std::move(node));
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
Var Tape<T>::linear(Var x, Var weight, Var bias, bool transposed, bool rectified) {
  Product p = product(x, weight, false, transposed);
  p.rectified = rectified;
  assert(value(bias).size() == p.n);
  const Var y =
      record({.kind = Kind::matmul, .a = x, .b = weight, .c = bias, .transpose_b = transposed, .rectified = rectified},
             p.m, p.n);
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
Var Tape<T>::sparse(const std::shared_ptr<const SparseMatrix>& s, Var x, bool transpose) {
  const SparseMatrix::Rows& rows = transpose ? s->by_column : s->by_row;
  const std::size_t count = transpose ? s->columns : s->rows;
  assert(static_cast<std::size_t>(value(x).rows()) == (transpose ? s->rows : s->columns));
  const Var y = record({.kind = Kind::sparse, .a = x, .transpose_a = transpose, .matrix = s},
                       static_cast<Eigen::Index>(count), value(x).cols());
  multiply_sparse<T>({static_cast<std::ptrdiff_t>(count), rows.begin.data(), rows.column.data(), rows.value.data()},
                     value(x).data(), result(y).data(), value(x).cols());
  return y;
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
  for (Eigen::Index i = 0, n = value(a).cols(); i < value(a).rows(); ++i) {
    naslat::multiply_add<T>(nullptr, value(a).row(i).data(), value(row).data(), 1, result(x).row(i).data(), n);
  }
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
  result(x).setZero();
  T* const sums = result(x).data();
  for (Eigen::Index i = 0; i < value(a).rows(); ++i)
    naslat::add<T>(sums, value(a).row(i).data(), sums, value(a).cols());
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
  result(x) = value(a).unaryExpr([](T v) { return std::max(v, T(0)) + std::log1p(std::exp(-std::abs(v))); });
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
