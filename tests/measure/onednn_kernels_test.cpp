#include "measure/backends/onednn/kernels.hpp"

#include <gtest/gtest.h>

#include <omp.h>

#include <algorithm>

#include "measure/backends/reference/operations.hpp"
#include "spaces/random.hpp"

// Each operation alone, on integers small enough that every order of additions gives the same float: agreement is
// exact.

namespace naslat::onednn {
namespace {

using reference::Values;

class OnednnKernels : public ::testing::Test {
 protected:
  OnednnKernels() { omp_set_num_threads(1); }

  struct Argument {
    int index;
    Layout layout;
    Layouts::Dims dims;
    const std::vector<float>* values;
  };

  std::vector<float> integers(std::int64_t count, std::int64_t limit = 8) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) {
      value = static_cast<float>(rng_.below(static_cast<std::uint64_t>(2 * limit + 1))) - static_cast<float>(limit);
    }
    return values;
  }

  /// Runs a kernel on row-major arguments; the destination, row-major.
  std::vector<float> run(const Kernel* kernel, const std::vector<Argument>& arguments, const Shape& dst) {
    if (kernel == nullptr) throw std::runtime_error("kernel refused");
    std::unordered_map<int, dnnl::memory> memories;
    for (const Argument& argument : arguments) {
      dnnl::memory plain(*layouts_.plain(argument.dims), engine_, const_cast<float*>(argument.values->data()));
      dnnl::memory& memory = memories[argument.index] = dnnl::memory(*argument.layout, engine_);
      dnnl::reorder(plain, memory).execute(stream_, plain, memory);
    }
    dnnl::memory& out = memories[DNNL_ARG_DST] = dnnl::memory(*kernel->dst, engine_);
    std::vector<std::byte> scratchpad(kernel->scratchpad_bytes + 64);
    const dnnl::memory::desc scratch({static_cast<std::int64_t>(scratchpad.size())}, dnnl::memory::data_type::u8,
                                     dnnl::memory::format_tag::x);
    memories[DNNL_ARG_SCRATCHPAD] = dnnl::memory(scratch, engine_, scratchpad.data());
    kernel->primitive.execute(stream_, memories);
    std::vector<float> values(static_cast<std::size_t>(dst.elements()));
    dnnl::memory plain(*layouts_.plain(dst.dims), engine_, values.data());
    dnnl::reorder(out, plain).execute(stream_, out, plain);
    stream_.wait();
    return values;
  }

  static Values wide(const std::vector<float>& values) { return {values.begin(), values.end()}; }
  static std::vector<float> narrow(const Values& values) { return {values.begin(), values.end()}; }

  Rng rng_{4};
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  Layouts layouts_;
  Kernels kernels_{engine_, layouts_};
};

TEST_F(OnednnKernels, ConvolveExactly) {
  for (const Convolution& op : {Convolution{.out_channels = 16, .kernel = 1, .bias = true},
                                Convolution{.out_channels = 32, .kernel = 3, .stride = 2, .padding = 1},
                                Convolution{.out_channels = 16, .kernel = 3, .padding = 1, .bias = true},
                                Convolution{.out_channels = 16, .kernel = 3, .padding = 1, .groups = 16},
                                Convolution{.out_channels = 32, .kernel = 5, .padding = 2, .groups = 4}}) {
    SCOPED_TRACE(describe(op));
    const Shape src{{2, 16, 9, 9}}, dst{{2, op.out_channels, op.stride == 2 ? 5 : 9, op.stride == 2 ? 5 : 9}};
    const auto x = integers(src.elements()), bias = op.bias ? integers(op.out_channels) : std::vector<float>(32);
    const auto weights = integers(op.out_channels * (16 / op.groups) * op.kernel * op.kernel);
    Values expected(static_cast<std::size_t>(dst.elements()));
    reference::convolution(op, src, wide(x), weights, bias, dst, expected);
    const Kernel* const kernel = kernels_.convolution(op, src, dst, {});
    ASSERT_NE(kernel, nullptr);
    std::vector<Argument> arguments{{DNNL_ARG_SRC, kernel->src, src.dims, &x},
                                    {DNNL_ARG_WEIGHTS, kernel->weights, kernel_dims(op, 16), &weights}};
    if (op.bias) arguments.push_back({DNNL_ARG_BIAS, kernel->bias, {op.out_channels}, &bias});
    EXPECT_EQ(run(kernel, arguments, dst), narrow(expected));
  }
}

TEST_F(OnednnKernels, ConvolveAddAndActivateInOneKernelExactly) {
  const Convolution op{.out_channels = 16, .kernel = 3, .padding = 1};
  const Shape shape{{1, 16, 8, 8}};
  const auto x = integers(shape.elements()), weights = integers(16 * 16 * 9), addend = integers(shape.elements(), 500);
  Values expected(static_cast<std::size_t>(shape.elements()));
  reference::convolution(op, shape, wide(x), weights, std::vector<float>(16), shape, expected);
  for (std::size_t i = 0; i < expected.size(); ++i)
    expected[i] = std::max(expected[i] + static_cast<double>(addend[i]), 0.0);
  const Layout dst = kernels_.convolution(op, shape, shape, {})->dst;
  const Kernel* const kernel = kernels_.convolution(
      op, shape, shape, {{.kind = FusedOp::Kind::add, .addend = dst}, {.kind = FusedOp::Kind::activation}});
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ(run(kernel,
                {{DNNL_ARG_SRC, kernel->src, shape.dims, &x},
                 {DNNL_ARG_WEIGHTS, kernel->weights, kernel_dims(op, 16), &weights},
                 {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, dst, shape.dims, &addend}},
                shape),
            narrow(expected));
}

TEST_F(OnednnKernels, PoolExactlyWithoutCountingPadding) {
  const AveragePool op{.kernel = 2, .stride = 2};  // divides by 4: exact
  const Shape src{{2, 16, 8, 8}}, dst{{2, 16, 4, 4}};
  const auto x = integers(src.elements());
  Values expected(static_cast<std::size_t>(dst.elements()));
  reference::average_pool(op, src, wide(x), dst, expected);
  const Layout layout = layouts_.plain(src.dims);
  EXPECT_EQ(run(kernels_.pool(op, layout, dst, {}), {{DNNL_ARG_SRC, layout, src.dims, &x}}, dst), narrow(expected));

  const AveragePool padded{.kernel = 3, .stride = 1, .padding = 1};
  const std::vector<float> twelve(static_cast<std::size_t>(src.elements()), 12.0F);  // the mean of equal numbers
  EXPECT_EQ(run(kernels_.pool(padded, layout, src, {}), {{DNNL_ARG_SRC, layout, src.dims, &twelve}}, src), twelve);
}

TEST_F(OnednnKernels, MultiplyMatricesExactly) {
  const Linear op{.out_features = 10};
  const Shape src{{3, 64}}, dst{{3, 10}};
  const auto x = integers(src.elements()), weights = integers(640), bias = integers(10);
  Values expected(30);
  reference::linear(op, src, wide(x), weights, bias, expected);
  const Layout layout = layouts_.plain(src.dims);
  const Kernel* const kernel = kernels_.linear(op, layout, {});
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ(run(kernel,
                {{DNNL_ARG_SRC, layout, src.dims, &x},
                 {DNNL_ARG_WEIGHTS, kernel->weights, {10, 64}, &weights},
                 {DNNL_ARG_BIAS, kernel->bias, {10}, &bias}},
                dst),
            narrow(expected));
}

TEST_F(OnednnKernels, WorkElementByElementExactly) {
  const Shape shape{{2, 16, 5, 5}};
  const Layout layout = layouts_.plain(shape.dims);
  const auto x = integers(shape.elements()), y = integers(shape.elements());
  std::vector<float> rectified = x, sum = x, affine = x, zero(x.size()), product = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    rectified[i] = std::max(x[i], 0.0F);
    sum[i] = x[i] + y[i];
    affine[i] = 2 * x[i] + 3;
    product[i] = 4 * x[i];
  }
  const Argument src{DNNL_ARG_SRC, layout, shape.dims, &x};
  EXPECT_EQ(run(kernels_.activation(ActivationKind::relu, layout, {}), {src}, shape), rectified);
  EXPECT_EQ(run(kernels_.affine({.scale = 2, .shift = 3}, layout, {}), {src}, shape), affine);
  EXPECT_EQ(run(kernels_.affine({.scale = 0}, layout, {}), {src}, shape), zero);
  EXPECT_EQ(run(kernels_.add(layout, layout, {}), {src, {DNNL_ARG_SRC_1, layout, shape.dims, &y}}, shape), sum);
  const std::vector<float> four{4};
  const Layouts::Dims one(4, 1);
  const Layout factor = layouts_.plain(one);
  EXPECT_EQ(run(kernels_.multiply(layout, factor, {}), {src, {DNNL_ARG_SRC_1, factor, one, &four}}, shape), product);
}

TEST_F(OnednnKernels, ActivateAsDefined) {
  const Shape shape{{1, 16, 5, 5}};
  const Layout layout = layouts_.plain(shape.dims);
  const auto x = integers(shape.elements());
  for (const ActivationKind kind : {ActivationKind::relu, ActivationKind::relu6, ActivationKind::hswish,
                                    ActivationKind::hsigmoid, ActivationKind::sigmoid}) {
    SCOPED_TRACE(to_string(kind));
    const auto y = run(kernels_.activation(kind, layout, {}), {{DNNL_ARG_SRC, layout, shape.dims, &x}}, shape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_NEAR(y[i], reference::activate(kind, static_cast<double>(x[i])), 2e-6) << x[i];
    }
  }
}

TEST_F(OnednnKernels, ShuffleGroupsExactly) {
  const Shape shape{{2, 24, 3, 3}};
  const Layout layout = layouts_.plain(shape.dims);
  const auto x = integers(shape.elements());
  for (const std::int64_t groups : {2, 3, 8}) {  // never C/g == g, which would hide a confusion of the two
    Values expected(x.size());
    reference::channel_shuffle({groups}, shape, wide(x), expected);
    EXPECT_EQ(run(kernels_.shuffle({groups}, layout), {{DNNL_ARG_SRC, layout, shape.dims, &x}}, shape),
              narrow(expected));
  }
}

TEST_F(OnednnKernels, NormaliseBatchesExactly) {
  const Shape shape{{2, 16, 4, 4}};
  const Layout layout = layouts_.plain(shape.dims);
  const auto x = integers(shape.elements()), scale = integers(16), shift = integers(16), mean = integers(16);
  const std::vector<float> variance(16, 4.0F);
  Values expected(x.size()), scales(16), shifts(16);
  for (std::size_t c = 0; c < 16; ++c) {
    scales[c] = static_cast<double>(scale[c]) / 2;
    shifts[c] = static_cast<double>(shift[c]) - static_cast<double>(mean[c]) * scales[c];
  }
  reference::channel_affine(shape, wide(x), scales, shifts, expected);
  const Layout vector = layouts_.plain({16});
  EXPECT_EQ(run(kernels_.batch_norm({.epsilon = 0}, layout, {}),
                {{DNNL_ARG_SRC, layout, shape.dims, &x},
                 {DNNL_ARG_SCALE, vector, {16}, &scale},
                 {DNNL_ARG_SHIFT, vector, {16}, &shift},
                 {DNNL_ARG_MEAN, vector, {16}, &mean},
                 {DNNL_ARG_VARIANCE, vector, {16}, &variance}},
                shape),
            narrow(expected));
}

TEST_F(OnednnKernels, AreCompiledOnce) {
  const Shape shape{{1, 16, 8, 8}};
  const Convolution op{.out_channels = 16};
  EXPECT_EQ(kernels_.convolution(op, shape, shape, {}), kernels_.convolution(op, shape, shape, {}));
  EXPECT_EQ(layouts_.plain({2, 3}), layouts_.plain({2, 3}));
  EXPECT_NE(layouts_.plain({2, 3}), layouts_.plain({3, 2}));
}

}  // namespace
}  // namespace naslat::onednn
