#include "predictor/graph_batch.hpp"

#include <gtest/gtest.h>

#include "predictor/help_model.hpp"
#include "spaces/search_space.hpp"

namespace naslat {
namespace {

std::vector<Encoding> random_encodings(int count) {
  const SearchSpace& space = search_space("nasbench201");
  Rng rng(2);
  std::vector<Encoding> encodings;
  for (int i = 0; i < count; ++i) encodings.push_back(space.encode(sample(space, rng)));
  return encodings;
}

TEST(GraphBatch, HoldsEachDifferentNodeOnce) {
  const GraphBatch batch = batch_graphs(random_encodings(200), 3);
  ASSERT_EQ(batch.adjacency.size(), 3U);
  // Of 1,800; what a node is after one convolution depends on its neighbours only.
  EXPECT_LT(batch.features->rows, 300U);
  EXPECT_EQ(batch.adjacency[0]->columns, batch.features->rows);
  for (const std::size_t convolution : {0U, 1U}) {
    EXPECT_LT(batch.adjacency[convolution]->rows, 700U);
    EXPECT_GT(batch.adjacency[convolution]->rows, 350U);  // the output and the global node see everything
    EXPECT_EQ(batch.adjacency[convolution + 1]->columns, batch.adjacency[convolution]->rows);
  }
  EXPECT_EQ(batch.architectures(), 200);
}

TEST(GraphBatch, OfAFlatSpaceIsTheFeaturesAsTheyAre) {
  const SearchSpace& space = search_space("fbnet");
  Rng rng(2);
  const Encoding one = space.encode(sample(space, rng)), other = space.encode(sample(space, rng));
  const GraphBatch batch = batch_graphs(std::vector{one, other, one}, 3);
  EXPECT_EQ(batch.architectures(), 3);
  EXPECT_TRUE(batch.adjacency.empty());
  const auto features = static_cast<Eigen::Index>(one.x.size());
  Tape<float> tape;
  const auto rows = tape.value(tape.sparse(batch.features, tape.leaf(Matrix<float>::Identity(features, features))));
  EXPECT_EQ(std::vector(rows.row(1).begin(), rows.row(1).end()), other.x);
  EXPECT_EQ(rows.row(2), rows.row(0));
}

TEST(GraphBatch, PredictsAsOneGraphAtATimeAndAsTheDefinitionSays) {
  const std::vector<Encoding> encodings = random_encodings(40);
  Rng rng(1);
  const HelpParameters parameters = initial_help_parameters(8, true, rng);
  Tape<double> tape;
  const HelpWeights weights = weights_of(parameters);
  const HelpVars vars = on_tape(tape, weights);
  const Var v_h = tape.filled(1, kHelpEmbedding, 0.5);
  const auto predict = [&](const std::vector<Encoding>& list) {
    return Matrix<double>(tape.value(help_forward(tape, batch_graphs(list, 3), v_h, vars.theta, std::nullopt)));
  };
  const Matrix<double> together = predict(encodings);
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    EXPECT_NEAR(together(static_cast<Eigen::Index>(i), 0), predict({encodings[i]})(0, 0), 1e-12) << i;
  }
  // H' = ReLU(A·(H·W) + b) over all nodes, four times, then the global node's row (help-predictor.md 2).
  using Eigen::Map;
  using Floats = Matrix<float>;
  const Encoding& e = encodings[0];
  const Matrix<double> a = Map<const Floats>(e.adjacency.data(), 9, 9).cast<double>();
  Matrix<double> h = Map<const Floats>(e.x.data(), 9, 8).cast<double>();
  for (std::size_t layer = 0; layer < 4; ++layer) {
    const Matrix<double> w = parameters.theta[2 * layer].value.cast<double>();
    const Matrix<double> b = parameters.theta[2 * layer + 1].value.cast<double>();
    h = Matrix<double>((a * (h * w)).rowwise() + b.row(0)).cwiseMax(0.0);
  }
  Matrix<double> x(1, 200), device = Matrix<double>::Constant(1, kHelpEmbedding, 0.5);
  const auto linear = [&](const Matrix<double>& in, std::size_t at) {
    return Matrix<double>(in * parameters.theta[at].value.cast<double>().transpose() +
                          parameters.theta[at + 1].value.cast<double>());
  };
  device = linear(Matrix<double>(linear(device, 8).cwiseMax(0.0)), 10).cwiseMax(0.0);
  x << h.row(8), device;
  x = linear(Matrix<double>(linear(x, 12).cwiseMax(0.0)), 14).cwiseMax(0.0);
  EXPECT_NEAR(together(0, 0), linear(x, 16)(0, 0), 1e-12);
}

}  // namespace
}  // namespace naslat
