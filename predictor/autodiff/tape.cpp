#include "predictor/autodiff/tape.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "predictor/autodiff/kernels.hpp"

namespace naslat {

namespace {

SparseMatrix::Rows compress(std::size_t rows, const std::vector<SparseMatrix::Entry>& entries) {
  SparseMatrix::Rows compressed;
  compressed.begin.assign(rows + 1, 0);
  for (const auto& entry : entries) {
    if (!compressed.column.empty() && compressed.begin[entry.row + 1] > 0 && compressed.column.back() == entry.column &&
        compressed.begin[entry.row + 1] == compressed.column.size()) {
      compressed.value.back() += entry.value;
      continue;
    }
    compressed.column.push_back(entry.column);
    compressed.value.push_back(entry.value);
    compressed.begin[entry.row + 1] = compressed.column.size();
  }
  for (std::size_t row = 1; row <= rows; ++row)
    compressed.begin[row] = std::max(compressed.begin[row], compressed.begin[row - 1]);
  return compressed;
}

}  // namespace

std::shared_ptr<const SparseMatrix> SparseMatrix::make(std::size_t rows, std::size_t columns,
                                                       std::vector<Entry> entries) {
  const auto by = [](auto key) { return [key](const Entry& x, const Entry& y) { return key(x) < key(y); }; };
  auto matrix = std::make_shared<SparseMatrix>();
  matrix->rows = rows;
  matrix->columns = columns;
  std::sort(entries.begin(), entries.end(), by([](const Entry& e) { return std::pair(e.row, e.column); }));
  matrix->by_row = compress(rows, entries);
  for (Entry& entry : entries) std::swap(entry.row, entry.column);
  std::sort(entries.begin(), entries.end(), by([](const Entry& e) { return std::pair(e.row, e.column); }));
  matrix->by_column = compress(columns, entries);
  return matrix;
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
    } else if (last_ && holders(sum) == 1) {
      tape_.accumulate(sum, gradient);
      return;
    } else {
      --holders(sum);
      sum = tape_.add(sum, gradient);
    }
    ++holders(sum);
  }

  /// The gradient of some columns of x; it is zero for the others.
  void add_columns(Var x, Var gradient, Eigen::Index first) {
    const Var sum = at(x);
    if (last_ && sum.id >= 0 && holders(sum) == 1) {
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
      if (to_a) into.add(a, ta ? matmul(b, g, tb, true) : matmul(g, b, false, !tb));
      if (to_b) into.add(b, tb ? matmul(g, a, true, ta) : matmul(a, g, !ta, false));
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
      if (to_a) into.add(a, multiply(g, b, node.factor));
      if (to_b) into.add(b, multiply(g, a, node.factor));
      break;
    case Kind::subtract_product:
      if (to_a) into.add(a, g);
      if (to_b) into.add(b, multiply(g, node.c, -1));
      if (into.depends(node.c)) into.add(node.c, multiply(g, b, -1));
      break;
    case Kind::multiply_row:
      if (to_a) into.add(a, multiply_row(g, b));
      if (to_b) into.add(b, column_sums(multiply(g, a)));
      break;
    case Kind::scale:
      into.add(a, scale(g, node.factor));
      break;
    case Kind::add_row:
      if (to_a) into.add(a, g);
      if (to_b) into.add(b, column_sums(g));
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
  memory_.give_back(reinterpret_cast<std::byte*>(node.data),
                    static_cast<std::size_t>(node.rows * node.columns) * sizeof(T));
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
Var Tape<T>::filled(Eigen::Index rows, Eigen::Index columns, T value) {
  const Var x = record({}, rows, columns);
  result(x).setConstant(value);
  return x;
}

template <typename T>
Var Tape<T>::matmul(Var a, Var b, bool transpose_a, bool transpose_b) {
  const Eigen::Index m = transpose_a ? value(a).cols() : value(a).rows(),
                     k = transpose_a ? value(a).rows() : value(a).cols();
  const Eigen::Index n = transpose_b ? value(b).rows() : value(b).cols();
  assert(k == (transpose_b ? value(b).cols() : value(b).rows()));
  const Var x =
      record({.kind = Kind::matmul, .a = a, .b = b, .transpose_a = transpose_a, .transpose_b = transpose_b}, m, n);
  naslat::multiply({m, n, k, transpose_a, transpose_b}, value(a).data(), value(b).data(), result(x).data());
  return x;
}

template <typename T>
Var Tape<T>::sparse(const std::shared_ptr<const SparseMatrix>& s, Var x, bool transpose) {
  const SparseMatrix::Rows& rows = transpose ? s->by_column : s->by_row;
  const std::size_t count = transpose ? s->columns : s->rows;
  assert(static_cast<std::size_t>(value(x).rows()) == (transpose ? s->rows : s->columns));
  const Var y = record({.kind = Kind::sparse, .a = x, .transpose_a = transpose, .matrix = s},
                       static_cast<Eigen::Index>(count), value(x).cols());
  multiply_sparse({static_cast<std::ptrdiff_t>(count), rows.begin.data(), rows.column.data(), rows.value.data()},
                  value(x).data(), result(y).data(), value(x).cols());
  return y;
}

template <typename T>
Var Tape<T>::add(Var a, Var b) {
  const Var x = record({.kind = Kind::add, .a = a, .b = b}, value(a).rows(), value(a).cols());
  result(x) = value(a) + value(b);
  return x;
}

template <typename T>
void Tape<T>::accumulate(Var sum, Var x, Eigen::Index first) {
  result(sum).middleCols(first, value(x).cols()) += value(x);
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
  result(x) = factor * value(a).cwiseProduct(value(b));
  return x;
}

template <typename T>
Var Tape<T>::subtract_product(Var a, Var b, Var c) {
  const Var x = record({.kind = Kind::subtract_product, .a = a, .b = b, .c = c}, value(a).rows(), value(a).cols());
  result(x) = value(a) - value(b).cwiseProduct(value(c));
  return x;
}

template <typename T>
Var Tape<T>::multiply_row(Var a, Var row) {
  const Var x = record({.kind = Kind::multiply_row, .a = a, .b = row}, value(a).rows(), value(a).cols());
  result(x) = value(a).array().rowwise() * value(row).row(0).array();
  return x;
}

template <typename T>
Var Tape<T>::scale(Var a, T factor) {
  const Var x = record({.kind = Kind::scale, .a = a, .factor = factor}, value(a).rows(), value(a).cols());
  result(x) = value(a) * factor;
  return x;
}

template <typename T>
Var Tape<T>::add_row(Var a, Var row) {
  const Var x = record({.kind = Kind::add_row, .a = a, .b = row}, value(a).rows(), value(a).cols());
  result(x) = value(a).rowwise() + value(row).row(0);
  return x;
}

template <typename T>
Var Tape<T>::repeat_row(Var row, Eigen::Index rows) {
  const Var x = record({.kind = Kind::repeat_row, .a = row}, rows, value(row).cols());
  result(x) = value(row).row(0).replicate(rows, 1);
  return x;
}

template <typename T>
Var Tape<T>::column_sums(Var a) {
  const Var x = record({.kind = Kind::column_sums, .a = a}, 1, value(a).cols());
  result(x) = value(a).colwise().sum();
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
  naslat::gate(value(a).data(), value(by).data(), result(x).data(), value(a).size());
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
