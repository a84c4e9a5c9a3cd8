#include "predictor/autodiff/tape.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "predictor/autodiff/gemm.hpp"
#include "spaces/random.hpp"

namespace naslat {
namespace {

using Doubles = Matrix<double>;
using Function = std::function<Var(Tape<double>&, std::span<const Var>)>;  // to 1×1

Doubles random_matrix(Eigen::Index rows, Eigen::Index columns, Rng& rng, double low = -1) {
  Doubles matrix(rows, columns);
  for (double& value : matrix.reshaped<Eigen::RowMajor>()) value = low + (1 - low) * rng.uniform();
  return matrix;
}

double evaluate(const Function& f, const std::vector<Doubles>& at) {
  Tape<double> tape;
  std::vector<Var> vars;
  for (const Doubles& value : at) vars.push_back(tape.leaf(value));
  return tape.scalar(f(tape, vars));
}

/// The squared norm of f's gradient: its own gradient is a second derivative of f.
Function gradient_norm(const Function& f) {
  return [f](Tape<double>& tape, std::span<const Var> vars) {
    Var norm = tape.filled(1, 1, 0);
    for (const Var g : tape.gradients(f(tape, vars), vars)) norm = tape.add(norm, tape.sum(tape.multiply(g, g)));
    return norm;
  };
}

void expect_gradients_match_central_differences(const Function& f, std::vector<Doubles> at, const std::string& what) {
  Tape<double> tape;
  std::vector<Var> vars;
  for (const Doubles& value : at) vars.push_back(tape.leaf(value));
  const std::vector<Var> gradients = tape.gradients(f(tape, vars), vars);
  constexpr double kStep = 1e-5;
  for (std::size_t v = 0; v < at.size(); ++v) {
    for (Eigen::Index i = 0; i < at[v].size(); ++i) {
      const double here = at[v].data()[i];
      at[v].data()[i] = here + kStep;
      const double above = evaluate(f, at);
      at[v].data()[i] = here - kStep;
      const double below = evaluate(f, at);
      at[v].data()[i] = here;
      const double expected = (above - below) / (2 * kStep);
      EXPECT_NEAR(tape.value(gradients[v]).data()[i], expected, 1e-6 * std::max(1.0, std::abs(expected)))
          << what << ", variable " << v << ", element " << i;
    }
  }
}

/// Makes any matrix a scalar whose first and second derivatives are not trivial: the sum of its cubes.
Var cubes(Tape<double>& tape, Var x) { return tape.sum(tape.multiply(x, tape.multiply(x, x))); }

struct Case {
  const char* name;
  Function f;
  std::vector<std::pair<int, int>> shapes;
  double low = -1;  // of the values
};

std::vector<Case> cases() {
  const auto matrix = SparseMatrix::make(3, 2, {{0, 0, 1}, {0, 1, 2}, {2, 1, -1}, {2, 1, 0.5F}});
  std::vector<Case> list;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      list.push_back({"matmul",
                      [=](auto& t, auto v) { return cubes(t, t.matmul(v[0], v[1], ta, tb)); },
                      {ta ? std::pair(4, 3) : std::pair(3, 4), tb ? std::pair(2, 4) : std::pair(4, 2)}});
    }
  }
  list.push_back({"sparse", [=](auto& t, auto v) { return cubes(t, t.sparse(matrix, v[0])); }, {{2, 3}}});
  list.push_back(
      {"sparse transposed", [=](auto& t, auto v) { return cubes(t, t.sparse(matrix, v[0], true)); }, {{3, 3}}});
  list.push_back({"add", [](auto& t, auto v) { return cubes(t, t.add(v[0], v[1])); }, {{2, 3}, {2, 3}}});
  list.push_back({"subtract", [](auto& t, auto v) { return cubes(t, t.subtract(v[0], v[1])); }, {{2, 3}, {2, 3}}});
  list.push_back({"multiply", [](auto& t, auto v) { return cubes(t, t.multiply(v[0], v[1])); }, {{2, 3}, {2, 3}}});
  list.push_back({"scale", [](auto& t, auto v) { return cubes(t, t.scale(v[0], -1.5)); }, {{2, 3}}});
  list.push_back({"add_row", [](auto& t, auto v) { return cubes(t, t.add_row(v[0], v[1])); }, {{2, 3}, {1, 3}}});
  list.push_back({"repeat_row", [](auto& t, auto v) { return cubes(t, t.repeat_row(v[0], 4)); }, {{1, 3}}});
  list.push_back({"column_sums", [](auto& t, auto v) { return cubes(t, t.column_sums(v[0])); }, {{4, 3}}});
  list.push_back({"repeat", [](auto& t, auto v) { return cubes(t, t.repeat(v[0], 2, 3)); }, {{1, 1}}});
  list.push_back({"relu", [](auto& t, auto v) { return cubes(t, t.relu(v[0])); }, {{3, 3}}});
  list.push_back({"columns", [](auto& t, auto v) { return cubes(t, t.columns(v[0], 1, 2)); }, {{3, 4}}});
  list.push_back({"pad_columns", [](auto& t, auto v) { return cubes(t, t.pad_columns(v[0], 1, 5)); }, {{3, 2}}});
  list.push_back({"softplus", [](auto& t, auto v) { return cubes(t, t.softplus(v[0])); }, {{2, 3}}});
  list.push_back({"sigmoid", [](auto& t, auto v) { return cubes(t, t.sigmoid(v[0])); }, {{2, 3}}});
  list.push_back({"log", [](auto& t, auto v) { return cubes(t, t.log(v[0])); }, {{2, 3}}, 0.5});
  list.push_back({"reciprocal", [](auto& t, auto v) { return cubes(t, t.reciprocal(v[0])); }, {{2, 3}}, 0.5});
  list.push_back({"two layers",
                  [](auto& t, auto v) {
                    return cubes(t, t.add_row(t.matmul(t.relu(t.add_row(t.matmul(v[0], v[1]), v[2])), v[3]), v[4]));
                  },
                  {{3, 4}, {4, 3}, {1, 3}, {3, 2}, {1, 2}}});
  return list;
}

TEST(Tape, FirstOrderGradientsMatchCentralDifferences) {
  Rng rng(1);
  for (const Case& c : cases()) {
    std::vector<Doubles> at;
    for (const auto& [rows, columns] : c.shapes) at.push_back(random_matrix(rows, columns, rng, c.low));
    expect_gradients_match_central_differences(c.f, at, c.name);
  }
}

TEST(Tape, SecondOrderGradientsMatchCentralDifferences) {
  Rng rng(2);
  for (const Case& c : cases()) {
    std::vector<Doubles> at;
    for (const auto& [rows, columns] : c.shapes) at.push_back(random_matrix(rows, columns, rng, c.low));
    expect_gradients_match_central_differences(gradient_norm(c.f), at, std::string("gradient of ") + c.name);
  }
}

TEST(Tape, WhatTheLossDoesNotDependOnHasZeroGradient) {
  Tape<double> tape;
  const Var x = tape.leaf(Doubles::Ones(2, 2)), y = tape.leaf(Doubles::Ones(3, 1));
  const std::vector<Var> gradients = tape.gradients(tape.sum(x), std::vector{x, y});
  EXPECT_EQ(tape.value(gradients[0]), Doubles::Ones(2, 2));
  EXPECT_EQ(tape.value(gradients[1]), Doubles::Zero(3, 1));
}

TEST(Tape, ClearedTapesRecordTheSameAgain) {
  Rng rng(3);
  const Doubles a = random_matrix(5, 4, rng), b = random_matrix(4, 6, rng);
  Tape<double> tape;
  Doubles first;
  for (int round = 0; round < 3; ++round) {
    tape.clear();
    const Doubles product = tape.value(tape.matmul(tape.leaf(a), tape.leaf(b)));
    if (round == 0) first = product;
    EXPECT_EQ(product, first);
  }
}

TEST(Product, SinglePrecisionKernelOfThisMachineAgreesWithDouble) {
  Rng rng(4);
  for (const auto& [m, n, k] : {std::tuple(1, 1, 1), {7, 5, 3}, {200, 100, 100}, {33, 200, 17}, {1, 200, 100}}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const Doubles a = random_matrix(ta ? k : m, ta ? m : k, rng), b = random_matrix(tb ? n : k, tb ? k : n, rng);
        const Matrix<float> af = a.cast<float>(), bf = b.cast<float>();
        Matrix<float> got(m, n);
        Doubles wanted(m, n);
        multiply({m, n, k, ta, tb}, af.data(), bf.data(), got.data());
        multiply({m, n, k, ta, tb}, a.data(), b.data(), wanted.data());
        EXPECT_LT((got.cast<double>() - wanted).cwiseAbs().maxCoeff(), 1e-5 * k) << product_kernel();
      }
    }
  }
}

}  // namespace
}  // namespace naslat
