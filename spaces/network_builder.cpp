#include "spaces/network_builder.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "configs/errors.hpp"

namespace naslat {

namespace {

std::int64_t windows(std::int64_t extent, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  return (extent + 2 * padding - kernel) / stride + 1;
}

}  // namespace

NetworkBuilder::NetworkBuilder(std::string name, Shape input) {
  network_.name = std::move(name);
  network_.tensors.push_back(std::move(input));
}

TensorId NetworkBuilder::append(const std::string& name, Op op, std::vector<TensorId> inputs, Shape output) {
  const TensorId id = network_.tensors.size();
  network_.tensors.push_back(std::move(output));
  network_.layers.push_back({prefix_ + name, std::move(op), std::move(inputs), id});
  return id;
}

TensorId NetworkBuilder::conv(TensorId x, Convolution conv, const std::string& name) {
  const Shape& in = shape(x);
  if (in.channels() % conv.groups != 0 || conv.out_channels % conv.groups != 0) {
    throw Unsupported(fmt::format("{}: layer '{}{}': groups = {} does not divide {} input and {} output channels",
                                  network_.name, prefix_, name, conv.groups, in.channels(), conv.out_channels));
  }
  Shape out{{in.batch(), conv.out_channels, windows(in.height(), conv.kernel, conv.stride, conv.padding),
             windows(in.width(), conv.kernel, conv.stride, conv.padding)}};
  return append(name, std::move(conv), {x}, std::move(out));
}

TensorId NetworkBuilder::batch_norm(TensorId x, const std::string& name) {
  return append(name, BatchNorm{}, {x}, shape(x));
}

TensorId NetworkBuilder::relu(TensorId x, const std::string& name) {
  return append(name, Activation{ActivationKind::relu}, {x}, shape(x));
}

TensorId NetworkBuilder::average_pool(TensorId x, AveragePool pool, const std::string& name) {
  const Shape& in = shape(x);
  Shape out{{in.batch(), in.channels(), windows(in.height(), pool.kernel, pool.stride, pool.padding),
             windows(in.width(), pool.kernel, pool.stride, pool.padding)}};
  return append(name, pool, {x}, std::move(out));
}

TensorId NetworkBuilder::global_average_pool(TensorId x, const std::string& name) {
  const Shape& in = shape(x);
  return append(name, GlobalAveragePool{}, {x}, Shape{{in.batch(), in.channels(), 1, 1}});
}

TensorId NetworkBuilder::linear(TensorId x, std::int64_t out_features, const std::string& name) {
  return append(name, Linear{out_features, true}, {x}, Shape{{shape(x).batch(), out_features}});
}

TensorId NetworkBuilder::add(TensorId a, TensorId b, const std::string& name) {
  assert(shape(a) == shape(b));
  return append(name, Add{}, {a, b}, shape(a));
}

TensorId NetworkBuilder::affine(TensorId x, Affine affine, const std::string& name) {
  return append(name, affine, {x}, shape(x));
}

Network NetworkBuilder::build(TensorId output) {
  network_.output = output;
  return std::exchange(network_, {});
}

NameScope::NameScope(NetworkBuilder& net, const std::string& name) : net_(net), outer_prefix_(net.prefix_) {
  net_.prefix_ += name + ".";
}

NameScope::~NameScope() { net_.prefix_ = outer_prefix_; }

BlockScope::BlockScope(NetworkBuilder& net, std::string kind) : net_(net) {
  net_.network_.blocks.push_back({std::move(kind), net_.network_.layers.size(), 0});
}

BlockScope::~BlockScope() {
  Block& block = net_.network_.blocks.back();
  block.layer_count = net_.network_.layers.size() - block.first_layer;
}

}  // namespace naslat
