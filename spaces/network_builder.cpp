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
  if (prefix_ != weights_prefix_) network_.layers.back().shared_weights = weights_prefix_ + name;
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

TensorId NetworkBuilder::batch_norm(TensorId x, const std::string& name, double epsilon) {
  return append(name, BatchNorm{epsilon}, {x}, shape(x));
}

TensorId NetworkBuilder::activation(TensorId x, ActivationKind kind, const std::string& name) {
  return append(name.empty() ? to_string(kind) : name, Activation{kind}, {x}, shape(x));
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

TensorId NetworkBuilder::linear(TensorId x, Linear linear, const std::string& name) {
  const Shape& in = shape(x);
  Shape out{{in.batch(), linear.out_features}};
  if (in.dims.size() == 3) out = Shape{{in.dims[0], in.dims[1], linear.out_features}};
  return append(name, std::move(linear), {x}, std::move(out));
}

TensorId NetworkBuilder::add(TensorId a, TensorId b, const std::string& name) {
  assert(shape(a) == shape(b));
  return append(name, Add{}, {a, b}, shape(a));
}

TensorId NetworkBuilder::affine(TensorId x, Affine affine, const std::string& name) {
  return append(name, affine, {x}, shape(x));
}

TensorId NetworkBuilder::channel_shuffle(TensorId x, std::int64_t groups, const std::string& name) {
  assert(shape(x).channels() % groups == 0);
  return append(name, ChannelShuffle{groups}, {x}, shape(x));
}

TensorId NetworkBuilder::channel_scale(TensorId x, TensorId factors, const std::string& name) {
  assert((shape(factors) == Shape{{shape(x).batch(), shape(x).channels(), 1, 1}}));
  return append(name, ChannelScale{}, {x, factors}, shape(x));
}

TensorId NetworkBuilder::embedding(TensorId tokens, TokenEmbedding embedding, const std::string& name) {
  assert(shape(tokens).dims.size() == 2 && embedding.first_token + embedding.tokens <= shape(tokens).dims[1]);
  Shape out{{shape(tokens).batch() * embedding.repeats, embedding.tokens, embedding.width}};
  return append(name, std::move(embedding), {tokens}, std::move(out));
}

TensorId NetworkBuilder::layer_norm(TensorId x, const std::string& name) {
  return append(name, LayerNorm{}, {x}, shape(x));
}

TensorId NetworkBuilder::concat(TensorId a, TensorId b, const std::string& name) {
  Shape out = shape(a);
  assert(out.dims.size() == 3 && out.dims[0] == shape(b).dims[0] && out.dims[2] == shape(b).dims[2]);
  out.dims[1] += shape(b).dims[1];
  return append(name, Concat{}, {a, b}, std::move(out));
}

TensorId NetworkBuilder::slice(TensorId x, std::int64_t first, std::int64_t count, const std::string& name) {
  Shape out = shape(x);
  assert(first + count <= out.dims.back());
  out.dims.back() = count;
  return append(name, Slice{first, count}, {x}, std::move(out));
}

TensorId NetworkBuilder::repeat(TensorId x, std::int64_t times, const std::string& name) {
  Shape out = shape(x);
  out.dims.front() *= times;
  return append(name, Repeat{times}, {x}, std::move(out));
}

TensorId NetworkBuilder::attention_scores(TensorId queries, TensorId keys, std::int64_t heads,
                                          const std::string& name) {
  const Shape &q = shape(queries), &k = shape(keys);
  assert(q.dims[0] == k.dims[0] && q.dims[2] == k.dims[2] && q.dims[2] % heads == 0);
  return append(name, AttentionScores{heads}, {queries, keys}, Shape{{q.dims[0], heads, q.dims[1], k.dims[1]}});
}

TensorId NetworkBuilder::softmax(TensorId x, const std::string& name) { return append(name, Softmax{}, {x}, shape(x)); }

TensorId NetworkBuilder::attention_context(TensorId weights, TensorId values, const std::string& name) {
  const Shape &p = shape(weights), &v = shape(values);
  assert(p.dims[0] == v.dims[0] && p.dims[3] == v.dims[1]);
  return append(name, AttentionContext{}, {weights, values}, Shape{{p.dims[0], p.dims[2], v.dims[2]}});
}

Network NetworkBuilder::build(TensorId output, std::vector<TensorId> side_outputs) {
  network_.output = output;
  network_.side_outputs = std::move(side_outputs);
  return std::exchange(network_, {});
}

NameScope::NameScope(NetworkBuilder& net, const std::string& name)
    : net_(net), outer_(net.prefix_.size()), outer_weights_(net.weights_prefix_.size()) {
  net_.prefix_ += name + ".";
  net_.weights_prefix_ += name + ".";
}

NameScope::~NameScope() {
  net_.prefix_.resize(outer_);
  net_.weights_prefix_.resize(outer_weights_);
}

StepScope::StepScope(NetworkBuilder& net, const std::string& step) : net_(net), outer_(net.prefix_.size()) {
  net_.prefix_ += step + ".";
}

StepScope::~StepScope() { net_.prefix_.resize(outer_); }

BlockScope::BlockScope(NetworkBuilder& net, std::string kind) : net_(net) {
  net_.network_.blocks.push_back({std::move(kind), net_.network_.layers.size(), 0});
}

BlockScope::~BlockScope() {
  Block& block = net_.network_.blocks.back();
  block.layer_count = net_.network_.layers.size() - block.first_layer;
}

}  // namespace naslat
