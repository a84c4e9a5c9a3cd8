#include "spaces/blocks.hpp"

#include <algorithm>
#include <cmath>

namespace naslat {

std::int64_t round8(double width) {
  const auto rounded = std::max<std::int64_t>(8, 8 * static_cast<std::int64_t>(std::floor((width + 4) / 8)));
  return static_cast<double>(rounded) < 0.9 * width ? rounded + 8 : rounded;
}

TensorId conv_bn_act(NetworkBuilder& net, TensorId x, const ConvBlock& block, const std::string& name) {
  const NameScope scope(net, name);
  x = net.conv(x, {.out_channels = block.out,
                   .kernel = block.kernel,
                   .stride = block.stride,
                   .padding = block.kernel / 2,
                   .groups = block.groups,
                   .bias = block.bias});
  x = net.batch_norm(x, "bn", block.epsilon);
  return block.activation ? net.activation(x, *block.activation) : x;
}

TensorId squeeze_excite(NetworkBuilder& net, TensorId x, const SqueezeExcite& block) {
  const NameScope scope(net, "se");
  const std::int64_t channels = net.shape(x).channels();
  TensorId factors = net.global_average_pool(x);
  factors = net.relu(net.conv(factors, {.out_channels = block.width, .bias = true}, "reduce"));
  factors = net.activation(net.conv(factors, {.out_channels = channels, .bias = true}, "expand"), block.gate, "gate");
  return net.channel_scale(x, factors);
}

TensorId mbconv(NetworkBuilder& net, TensorId x, const MbConv& block) {
  ConvBlock expand{.out = block.mid, .groups = block.groups};
  expand.activation = block.activation;
  expand.bias = block.bias;
  expand.epsilon = block.epsilon;
  ConvBlock depthwise = expand, project = expand;
  depthwise.kernel = block.kernel;
  depthwise.stride = block.stride;
  depthwise.groups = block.mid;
  project.out = block.out;
  project.activation = std::nullopt;

  TensorId y = block.expand ? conv_bn_act(net, x, expand, "expand") : x;
  if (block.groups > 1) y = net.channel_shuffle(y, block.groups);
  y = conv_bn_act(net, y, depthwise, "depthwise");
  if (block.squeeze_excite.width > 0) y = squeeze_excite(net, y, block.squeeze_excite);
  y = conv_bn_act(net, y, project, "project");
  return net.shape(y) == net.shape(x) ? net.add(y, x) : y;
}

TensorId attention(NetworkBuilder& net, TensorId x, TensorId queries, TensorId keys, TensorId values,
                   std::int64_t heads) {
  const TensorId weights = net.softmax(net.attention_scores(queries, keys, heads));
  const TensorId y = net.linear(net.attention_context(weights, values), net.shape(x).dims.back(), "out");
  return net.layer_norm(net.add(y, x));
}

TensorId feed_forward(NetworkBuilder& net, TensorId x, std::int64_t hidden) {
  const NameScope scope(net, "ffn");
  const TensorId y = net.linear(net.relu(net.linear(x, hidden, "in")), net.shape(x).dims.back(), "out");
  return net.layer_norm(net.add(y, x));
}

}  // namespace naslat
