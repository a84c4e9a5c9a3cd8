#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "predictor/autodiff/tape.hpp"

namespace naslat {

/// Gradients met so far on the way back, by node.
template <typename T>
class Tape<T>::Accumulator {
 public:
  /// @param last whether values are recycled that are not needed any more
  Accumulator(Tape& tape, Var loss, std::span<const Var> wrt, bool last)
      : tape_(tape),
        last_(last),
        gradients_(static_cast<std::size_t>(loss.id) + 1),
        first_uses_(gradients_.size()),
        wanted_(gradients_.size(), false) {
    for (const Var x : wrt) {
      if (x.id <= loss.id) wanted_[static_cast<std::size_t>(x.id)] = true;
    }
    depends_ = wanted_;
    for (Var x{0}; x.id <= loss.id; ++x.id) {
      const Node& node = tape.nodes_[static_cast<std::size_t>(x.id)];
      for (const Var operand : {node.a, node.b, node.c}) {
        if (!depends(operand)) continue;
        depends_[static_cast<std::size_t>(x.id)] = true;
        Var& first = first_uses_[static_cast<std::size_t>(operand.id)];
        if (first.id < 0) first = x;
      }
    }
  }

  /// Whether anything in `wrt` reaches x: gradients of all else are not computed.
  [[nodiscard]] bool depends(Var x) const { return x.id >= 0 && depends_[static_cast<std::size_t>(x.id)]; }
  /// The node after whose turn x's gradient is complete; none for what is not used.
  [[nodiscard]] Var first_use(Var x) const { return known(x) ? first_uses_[static_cast<std::size_t>(x.id)] : Var{}; }
  [[nodiscard]] Var at(Var x) const { return known(x) ? gradients_[static_cast<std::size_t>(x.id)] : Var{}; }

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

  /// The gradients of a - b∘c. For the last time they are added part by part: g comes from memory once.
  void add_step(const Node& step, Var g) {
    constexpr Eigen::Index kPart = 1024;
    const auto from = tape_.value(g);
    const T *const b = tape_.value(step.b).data(), *const c = tape_.value(step.c).data();
    const auto sum_of = [&](Var x) { return depends(x) && own(at(x)) ? tape_.result(at(x)).data() : nullptr; };
    T *const a_sum = sum_of(step.a), *const b_sum = sum_of(step.b);
    Var of_c{};
    if (depends(step.c)) {
      of_c = tape_.record({.kind = Kind::multiply, .a = g, .b = step.b, .factor = -1}, from.rows(), from.cols());
    }
    T* const c_gradient = of_c.id >= 0 ? tape_.result(of_c).data() : nullptr;
    for (Eigen::Index i = 0; i < from.size(); i += kPart) {
      const T* const part = from.data() + i;
      const Eigen::Index count = std::min(kPart, from.size() - i);
      if (a_sum) naslat::add<T>(a_sum + i, part, a_sum + i, count);
      if (b_sum) naslat::multiply_add<T>(b_sum + i, part, c + i, -1, b_sum + i, count);
      if (c_gradient) naslat::multiply_add<T>(nullptr, part, b + i, -1, c_gradient + i, count);
    }
    if (depends(step.a) && !a_sum) add(step.a, g);
    if (depends(step.b) && !b_sum) add_multiple(step.b, g, step.c, -1);
    if (c_gradient) add(step.c, of_c);
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
  /// Whether x was there when the loss was.
  [[nodiscard]] bool known(Var x) const { return x.id < std::ssize(gradients_); }
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
  std::vector<Var> gradients_, first_uses_;
  std::vector<bool> wanted_, depends_;
  std::vector<int> holders_;
};

template <typename T>
void Tape<T>::pass_back(Var x, Accumulator& into) {
  if (!into.depends(x) || into.at(x).id < 0) return;
  const std::size_t first = nodes_.size();
  backward(x, into.at(x), into);
  into.passed(x, first);
}

template <typename T>
std::vector<Var> Tape<T>::gradients(Var loss, std::span<const Var> wrt,
                                    const std::function<void(std::size_t, Var)>& each) {
  assert(value(loss).size() == 1);
  Accumulator gradient_of(*this, loss, wrt, false);
  gradient_of.add(loss, filled(1, 1, 1));
  std::vector<std::size_t> order(wrt.size());  // in which they are complete
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return gradient_of.first_use(wrt[i]).id; });
  std::vector<Var> results(wrt.size());
  Var x = loss;
  for (const std::size_t i : order) {
    for (; x.id >= 0 && x.id >= gradient_of.first_use(wrt[i]).id; --x.id) pass_back(x, gradient_of);
    const Var gradient = gradient_of.at(wrt[i]);
    results[i] = gradient.id >= 0 ? gradient : filled(value(wrt[i]).rows(), value(wrt[i]).cols(), 0);
    each(i, results[i]);
  }
  return results;
}

template <typename T>
void Tape<T>::last_gradients(Var loss, std::span<const Var> wrt, std::vector<Matrix<T>>& sums) {
  if (sums.empty()) {
    for (const Var x : wrt) sums.emplace_back(Matrix<T>::Zero(value(x).rows(), value(x).cols()));
  }
  assert(sums.size() == wrt.size() && value(loss).size() == 1);
  Accumulator gradient_of(*this, loss, wrt, true);
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (wrt[i].id <= loss.id) gradient_of.add(wrt[i], parameter(sums[i]));
  }
  gradient_of.add(loss, filled(1, 1, 1));
  for (Var x = loss; x.id >= 0; --x.id) pass_back(x, gradient_of);
  clear();
}

/// Adds this node's share to the gradients of what it was computed from.
template <typename T>
void Tape<T>::backward(Var at, Var g, Accumulator& into) {
  const Node node = nodes_[static_cast<std::size_t>(at.id)];  // a copy: nodes are appended meanwhile
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
      if (node.rectified) g = gate(g, at);
      if (to_a) {
        into.add(
            a, record_sparse({.kind = Kind::sparse, .a = g, .transpose_a = !node.transpose_a, .matrix = node.matrix}));
      }
      if (into.depends(node.c)) into.add(node.c, column_sums(g));
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
      into.add_step(node, g);
      break;
    case Kind::multiply_row:
      if (to_a) into.add(a, multiply_row(g, b));
      if (to_b) into.add(b, column_dots(g, a));
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
    case Kind::column_dots:
      if (to_a) into.add(a, multiply_row(b, g));
      if (to_b) into.add(b, multiply_row(a, g));
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

template std::vector<Var> Tape<float>::gradients(Var, std::span<const Var>,
                                                 const std::function<void(std::size_t, Var)>&);
template std::vector<Var> Tape<double>::gradients(Var, std::span<const Var>,
                                                  const std::function<void(std::size_t, Var)>&);
template void Tape<float>::last_gradients(Var, std::span<const Var>, std::vector<Matrix<float>>&);
template void Tape<double>::last_gradients(Var, std::span<const Var>, std::vector<Matrix<double>>&);

}  // namespace naslat
