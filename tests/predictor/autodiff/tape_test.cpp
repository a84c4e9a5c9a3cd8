#include "predictor/autodiff/tape.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

#include "spaces/random.hpp"

namespace naslat {
namespace {

using Real = Matrix<double>;

Real random_matrix(Eigen::Index rows, Eigen::Index columns, Rng& rng) {
  Real matrix(rows, columns);
  for (double& value : matrix.reshaped<Eigen::RowMajor>()) value = rng.normal();
  return matrix;
}

/// A scalar function of some matrices, written on a tape.
using Function = std::function<Var(Tape<double>&, std::span<const Var>)>;

double value_at(const Function& f, const std::vector<Real>& inputs) {
  Tape<double> tape;
  std::vector<Var> vars;
  for (const Real& x : inputs) vars.push_back(tape.leaf(x));
  return tape.scalar(f(tape, vars));
}

/// Every partial derivative against the central difference; for the last time they are the same, to the last bit.
void expect_gradients(const Function& f, std::vector<Real> inputs, const std::string& what) {
  constexpr double kStep = 1e-5;
  Tape<double> tape;
  std::vector<Var> vars;
  for (const Real& x : inputs) vars.push_back(tape.leaf(x));
  const std::vector<Var> gradients = tape.gradients(f(tape, vars), vars);
  Tape<double> other;
  std::vector<Var> other_vars;
  for (const Real& x : inputs) other_vars.push_back(other.leaf(x));
  std::vector<Real> last;
  other.last_gradients(f(other, other_vars), other_vars, last);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Real gradient = tape.value(gradients[i]);
    ASSERT_EQ(last.at(i), gradient) << what << ", input " << i;
    for (Eigen::Index e = 0; e < inputs[i].size(); ++e) {
      double& x = inputs[i].data()[e];
      const double at = x;
      x = at + kStep;
      const double above = value_at(f, inputs);
      x = at - kStep;
      const double below = value_at(f, inputs);
      x = at;
      const double difference = (above - below) / (2 * kStep);
      ASSERT_NEAR(gradient.data()[e], difference, 1e-6 * std::max(1.0, std::abs(difference)))
          << what << ", input " << i << ", element " << e;
    }
  }
}

/// The squared norm of the gradient: its own gradient is of second order.
Function gradient_norm(const Function& f) {
  return [f](Tape<double>& tape, std::span<const Var> x) {
    Var sum = tape.filled(1, 1, 0);
    for (const Var gradient : tape.gradients(f(tape, x), x))
      sum = tape.add(sum, tape.sum(tape.multiply(gradient, gradient)));
    return sum;
  };
}

/// f's first and second order gradients; f's sum is squared first, so that no second derivative vanishes by linearity.
void check(const std::string& what, const std::vector<std::pair<int, int>>& shapes,
           const std::function<Var(Tape<double>&, std::span<const Var>)>& op) {
  const Function f = [op](Tape<double>& tape, std::span<const Var> x) {
    const Var y = op(tape, x);
    return tape.sum(tape.multiply(y, tape.multiply(y, y, 0.5)));
  };
  Rng rng(7);
  std::vector<Real> inputs;
  for (const auto& [rows, columns] : shapes) inputs.push_back(random_matrix(rows, columns, rng));
  expect_gradients(f, inputs, what + ", first order");
  expect_gradients(gradient_norm(f), inputs, what + ", second order");
}

using Vars = std::span<const Var>;

TEST(TapeGradients, OfProductsMatchCentralDifferences) {
  check("a·b", {{2, 3}, {3, 4}}, [](auto& t, Vars x) { return t.matmul(x[0], x[1]); });
  check("aT·b", {{3, 2}, {3, 4}}, [](auto& t, Vars x) { return t.matmul(x[0], x[1], true, false); });
  check("a·bT", {{2, 3}, {4, 3}}, [](auto& t, Vars x) { return t.matmul(x[0], x[1], false, true); });
  check("aT·bT", {{3, 2}, {4, 3}}, [](auto& t, Vars x) { return t.matmul(x[0], x[1], true, true); });
  check("a·b·b", {{2, 3}, {3, 3}}, [](auto& t, Vars x) { return t.matmul(t.matmul(x[0], x[1]), x[1]); });
  check("a·bT·b", {{2, 3}, {3, 3}}, [](auto& t, Vars x) { return t.matmul(t.matmul(x[0], x[1], false, true), x[1]); });
  for (const bool rectified : {false, true}) {
    const std::string what = rectified ? "relu of " : "";
    check(what + "x·W + b", {{3, 2}, {2, 4}, {1, 4}},
          [=](auto& t, Vars x) { return t.linear(x[0], x[1], x[2], rectified); });
  }
  const auto s = SparseMatrix::make(4, {{0, 2, 2, 4}, {1, 1, 0, 3}, {2, 0.5F, 1, -1}});
  check("s·a", {{4, 2}}, [s](auto& t, Vars x) { return t.sparse(s, x[0]); });
  check("sT·a", {{3, 2}}, [s](auto& t, Vars x) { return t.sparse(s, x[0], true); });
  check("relu of s·a + b", {{4, 2}, {1, 2}}, [s](auto& t, Vars x) { return t.rectified_sparse(s, x[0], x[1]); });
}

TEST(TapeGradients, OfElementWiseOperationsMatchCentralDifferences) {
  check("a + b", {{2, 3}, {2, 3}}, [](auto& t, Vars x) { return t.add(x[0], x[1]); });
  check("a - b", {{2, 3}, {2, 3}}, [](auto& t, Vars x) { return t.subtract(x[0], x[1]); });
  check("3 a∘b", {{2, 3}, {2, 3}}, [](auto& t, Vars x) { return t.multiply(x[0], x[1], 3); });
  check("a - b∘c", {{2, 3}, {2, 3}, {2, 3}}, [](auto& t, Vars x) { return t.subtract_product(x[0], x[1], x[2]); });
  check("a - a∘c", {{2, 3}, {2, 3}}, [](auto& t, Vars x) { return t.subtract_product(x[0], x[0], x[1]); });
  check("-2 a", {{2, 3}}, [](auto& t, Vars x) { return t.scale(x[0], -2); });
  check("relu a", {{3, 4}}, [](auto& t, Vars x) { return t.relu(x[0]); });
  check("softplus a", {{2, 3}}, [](auto& t, Vars x) { return t.softplus(x[0]); });
  check("sigmoid a", {{2, 3}}, [](auto& t, Vars x) { return t.sigmoid(x[0]); });
  check("log softplus a", {{2, 3}}, [](auto& t, Vars x) { return t.log(t.softplus(x[0])); });
  check("1 / softplus a", {{2, 3}}, [](auto& t, Vars x) { return t.reciprocal(t.softplus(x[0])); });
}

TEST(TapeGradients, OfRowsColumnsAndSumsMatchCentralDifferences) {
  check("a∘row", {{3, 2}, {1, 2}}, [](auto& t, Vars x) { return t.multiply_row(x[0], x[1]); });
  check("repeat row", {{1, 3}}, [](auto& t, Vars x) { return t.repeat_row(x[0], 4); });
  check("column sums", {{3, 2}}, [](auto& t, Vars x) { return t.column_sums(x[0]); });
  check("column sums of a∘b", {{3, 2}, {3, 2}}, [](auto& t, Vars x) { return t.column_dots(x[0], x[1]); });
  check("repeat", {{1, 1}}, [](auto& t, Vars x) { return t.repeat(x[0], 2, 3); });
  check("sum", {{2, 3}}, [](auto& t, Vars x) { return t.sum(x[0]); });
  check("columns", {{2, 5}}, [](auto& t, Vars x) { return t.columns(x[0], 1, 3); });
  check("columns of what is used whole, too", {{2, 4}}, [](auto& t, Vars x) {
    const Var part = t.columns(x[0], 1, 2);
    return t.add(t.columns(t.multiply(x[0], x[0]), 0, 2), part);
  });
  check("softmax", {{3, 4}}, [](auto& t, Vars x) { return t.softmax(x[0]); });
  check("pad columns", {{2, 2}}, [](auto& t, Vars x) { return t.pad_columns(x[0], 1, 4); });
}

TEST(TapeGradients, GoThroughAGradientStep) {  // Eq. 8: the gradient of the loss after a step of Eq. 7
  const Function adapted = [](Tape<double>& t, Vars x) {
    const auto loss = [&t, &x](Var w) { return t.sum(t.softplus(t.matmul(x[1], w))); };
    const std::vector<Var> wrt = {x[0]};
    const Var step = t.subtract_product(x[0], x[2], t.gradients(loss(x[0]), wrt)[0]);
    return loss(step);
  };
  Rng rng(3);
  expect_gradients(adapted, {random_matrix(3, 2, rng), random_matrix(4, 3, rng), random_matrix(3, 2, rng)}, "one step");
}

TEST(TapeGradients, GoThroughALargeStepTheSameForTheLastTime) {  // it goes by parts
  Rng rng(4);
  const Real w = random_matrix(33, 40, rng), rates = random_matrix(33, 40, rng), data = random_matrix(5, 33, rng);
  Tape<double> tape;
  std::vector<Var> wrt;
  const auto adapted = [&] {
    wrt = {tape.leaf(w), tape.leaf(rates)};
    const Var x = tape.leaf(data);
    const auto loss = [&](Var weight) { return tape.sum(tape.softplus(tape.matmul(x, weight))); };
    Var step = wrt[0];
    for (int i = 0; i < 2; ++i) {
      const std::vector<Var> before = {step};
      tape.gradients(loss(step), before, [&](std::size_t, Var g) { step = tape.subtract_product(step, wrt[1], g); });
    }
    return loss(step);
  };
  std::vector<Real> gradients, last;
  const Var first = adapted();
  for (const Var gradient : tape.gradients(first, wrt)) gradients.emplace_back(tape.value(gradient));
  tape.clear();
  const Var again = adapted();
  tape.last_gradients(again, wrt, last);
  EXPECT_EQ(last, gradients);
}

TEST(TapeGradients, AreHandedOutAsSoonAsTheyAreComplete) {
  Tape<double> tape;
  const Var early = tape.filled(2, 2, 3), late = tape.filled(2, 2, 5), unused = tape.filled(1, 2, 1);
  const Var squares = tape.multiply(early, early), loss = tape.sum(tape.multiply(squares, late));
  const std::vector<Var> wrt = {early, unused, late};
  std::vector<std::size_t> order;
  std::vector<Var> handed_out(wrt.size());
  const std::vector<Var> gradients = tape.gradients(loss, wrt, [&](std::size_t i, Var gradient) {
    order.push_back(i);
    handed_out[i] = gradient;
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{2, 0, 1}));
  for (std::size_t i = 0; i < wrt.size(); ++i) EXPECT_EQ(handed_out[i].id, gradients[i].id);
  EXPECT_EQ(tape.value(handed_out[0]), Real::Constant(2, 2, 30));
  EXPECT_EQ(tape.value(handed_out[1]), Real::Zero(1, 2));
  EXPECT_EQ(tape.value(handed_out[2]), Real::Constant(2, 2, 9));
}

TEST(TapeGradients, AreZeroForWhatTheLossDoesNotDependOn) {
  Tape<double> tape;
  const Var used = tape.filled(2, 2, 1), unused = tape.filled(3, 1, 1), loss = tape.sum(used),
            later = tape.filled(1, 2, 1);
  const std::vector<Var> wrt = {used, unused, later};
  const std::vector<Var> gradients = tape.gradients(loss, wrt);
  EXPECT_EQ(tape.value(gradients[0]), Real::Ones(2, 2));
  EXPECT_EQ(tape.value(gradients[1]), Real::Zero(3, 1));
  EXPECT_EQ(tape.value(gradients[2]), Real::Zero(1, 2));
  std::vector<Real> last;
  tape.last_gradients(loss, wrt, last);
  EXPECT_EQ(last, (std::vector<Real>{Real::Ones(2, 2), Real::Zero(3, 1), Real::Zero(1, 2)}));
}

TEST(TapeGradients, OfTheLossItselfIsOne) {
  Tape<double> tape;
  const std::vector<Var> loss = {tape.filled(1, 1, 7)};
  EXPECT_EQ(tape.value(tape.gradients(loss[0], loss)[0]), Real::Ones(1, 1));
  std::vector<Real> last;
  tape.last_gradients(loss[0], loss, last);
  EXPECT_EQ(last, std::vector{Real(Real::Ones(1, 1))});
}

TEST(Tape, ReadsAParameterWhereItIs) {
  const Matrix<float> w = Matrix<float>::Constant(3, 2, 2);
  Tape<float> tape;
  const std::vector<Var> wrt = {tape.parameter(w)};
  EXPECT_EQ(tape.value(wrt[0]).data(), w.data());
  std::vector<Matrix<float>> gradients;
  tape.last_gradients(tape.sum(tape.multiply(wrt[0], wrt[0])), wrt, gradients);
  EXPECT_EQ(gradients, std::vector{Matrix<float>(2 * w)});
  EXPECT_EQ(w, (Matrix<float>::Constant(3, 2, 2)));
}

TEST(Tape, RecordsTheSameAgainAfterItIsCleared) {
  Tape<float> tape;
  const auto record = [&tape] {
    const Var a = tape.filled(7, 5, 2), b = tape.filled(5, 7, 3);
    return Matrix<float>(tape.value(tape.relu(tape.matmul(a, b))));
  };
  const Matrix<float> first = record();
  tape.clear();
  EXPECT_EQ(record(), first);
  EXPECT_EQ(first, (Matrix<float>::Constant(7, 7, 30)));
}

TEST(RecycledMemory, IsNeverTooSmall) {
  constexpr std::size_t kMost = 5000;
  RecycledMemory memory;
  for (std::size_t bytes = 0; bytes < kMost; ++bytes) memory.give_back(memory.take(bytes), bytes);
  std::vector<std::pair<std::byte*, std::size_t>> taken;
  for (std::size_t bytes = 1; bytes < kMost; ++bytes) taken.emplace_back(memory.take(bytes), bytes);
  std::ranges::sort(taken);
  for (std::size_t i = 1; i < taken.size(); ++i) {
    ASSERT_GE(taken[i].first - taken[i - 1].first, static_cast<std::ptrdiff_t>(taken[i - 1].second)) << i;
  }
}

TEST(RecycledMemory, GoesToTheNextValueOfAboutThatSize) {
  RecycledMemory memory;
  std::byte* const first = memory.take(1000);
  std::byte* const second = memory.take(1000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second) % kAlignment, 0U);
  EXPECT_GE(std::abs(second - first), 1000);
  memory.give_back(second, 1000);
  memory.give_back(first, 1000);
  std::byte* const larger = memory.take(3000);
  EXPECT_TRUE(larger != first && larger != second);
  EXPECT_EQ(memory.take(1010), first);
  EXPECT_EQ(memory.take(990), second);
}

}  // namespace
}  // namespace naslat
