#include "measure/backends/reference/reference.hpp"

#include <gtest/gtest.h>

#include "measure/backends/reference/operations.hpp"
#include "measure/weights.hpp"
#include "spaces/network_builder.hpp"

namespace naslat {
namespace {

using reference::Values;

TEST(ReferenceConvolution, EqualsSumsByHand) {
  // One channel, 3×3 image 1..9, kernel of ones with padding 1: sums of the 3×3 neighbourhoods.
  const Shape shape{{1, 1, 3, 3}};
  const Values image{1, 2, 3, 4, 5, 6, 7, 8, 9};
  Values out(9);
  reference::convolution({.out_channels = 1, .kernel = 3, .padding = 1}, shape, image, std::vector<float>(9, 1.0F),
                         {0.5F}, shape, out);
  EXPECT_EQ(out, (Values{12.5, 21.5, 16.5, 27.5, 45.5, 33.5, 24.5, 39.5, 28.5}));
  // Stride 2 keeps the corners.
  Values corners(4);
  reference::convolution({.out_channels = 1, .kernel = 3, .stride = 2, .padding = 1}, shape, image,
                         std::vector<float>(9, 1.0F), {0.0F}, Shape{{1, 1, 2, 2}}, corners);
  EXPECT_EQ(corners, (Values{12, 16, 24, 28}));
}

TEST(ReferenceConvolution, DoesNotFlipTheKernelAndKeepsGroupsApart) {
  const Shape shape{{1, 2, 1, 2}};
  Values out(4);
  // Two groups of one channel, 3×3 kernels whose middle rows are (10, 1, 0) and (0, 1, 100).
  std::vector<float> kernel(18);
  kernel[3] = 10, kernel[4] = 1, kernel[13] = 1, kernel[14] = 100;
  reference::convolution({.out_channels = 2, .kernel = 3, .padding = 1, .groups = 2}, shape, {1, 2, 3, 4}, kernel,
                         {0, 0}, shape, out);
  EXPECT_EQ(out, (Values{1, 12, 403, 4}));
}

TEST(ReferencePool, DoesNotCountPadding) {
  const Shape shape{{1, 1, 3, 3}};
  Values out(9);
  reference::average_pool({.kernel = 3, .stride = 1, .padding = 1}, shape, {1, 2, 3, 4, 5, 6, 7, 8, 9}, shape, out);
  EXPECT_EQ(out, (Values{3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7}));
}

TEST(ReferenceLinear, MultipliesRowsOfWeights) {
  Values out(2);
  reference::linear({.out_features = 2}, Shape{{1, 3}}, {1, 2, 3}, {1, 0, 0, 1, 1, 1}, {0.5F, 0}, out);
  EXPECT_EQ(out, (Values{1.5, 6}));
}

TEST(ReferenceOutput, AppliesPostOpsInOrder) {
  NetworkBuilder net("post-ops", Shape{{1, 1, 1, 2}});
  Network network = net.build(net.affine(net.input(), {.scale = -1}));
  network.layers[0].post_ops = {PostActivation{}, PostAdd{network.input}};
  EXPECT_EQ(reference_output(network, {2, -3}), (std::vector<float>{2, 0}));
}

TEST(Weights, AreSeededByNameAndShape) {
  NetworkBuilder net("weights", Shape{{1, 16, 8, 8}});
  TensorId x = net.conv(net.input(), {.out_channels = 16, .kernel = 3, .padding = 1}, "a");
  x = net.conv(x, {.out_channels = 16, .kernel = 3, .padding = 1}, "b");
  const Network network = net.build(x);
  const auto a = convolution_kernel(network, network.layers[0]), b = convolution_kernel(network, network.layers[1]);
  EXPECT_EQ(a, convolution_kernel(network, network.layers[0]));
  EXPECT_NE(a, b);
  double sum = 0, squares = 0;
  for (const float w : a) sum += static_cast<double>(w), squares += static_cast<double>(w) * static_cast<double>(w);
  EXPECT_NEAR(sum / static_cast<double>(a.size()), 0, 0.01);
  EXPECT_NEAR(squares / static_cast<double>(a.size()) * 144, 1, 0.05);  // variance 1 / fan-in
}

TEST(Weights, AreTheSameOnEveryPlatform) {
  const auto input_of = [](Shape shape) { return network_input(NetworkBuilder("input", std::move(shape)).build(0)); };
  const std::vector<float> input = input_of(Shape{{1, 1, 1, 4}});
  EXPECT_EQ(input, input_of(Shape{{1, 1, 2, 2}}));
  EXPECT_EQ(input, (std::vector<float>{-0x1.ed18d8p-4F, 0x1.4ad304p-3F, 0x1.78b268p-2F, -0x1.75c46cp+0F}));
}

}  // namespace
}  // namespace naslat
