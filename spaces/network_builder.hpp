#pragma once

#include <string>

#include "spaces/network.hpp"

namespace naslat {

/// Appends layers one by one: each method infers the output's shape, and returns the tensor the new layer makes.
/// Layer names are prefixed by the scopes open at the time: "stage1.cell2.edge0-1.conv".
class NetworkBuilder {
 public:
  NetworkBuilder(std::string name, Shape input);

  [[nodiscard]] TensorId input() const { return network_.input; }
  [[nodiscard]] const Shape& shape(TensorId tensor) const { return network_.tensors.at(tensor); }

  TensorId conv(TensorId x, Convolution conv, const std::string& name = "conv");
  TensorId batch_norm(TensorId x, const std::string& name = "bn", double epsilon = 1e-5);
  TensorId relu(TensorId x, const std::string& name = "relu") { return activation(x, ActivationKind::relu, name); }
  /// Named after its kind unless said otherwise.
  TensorId activation(TensorId x, ActivationKind kind, const std::string& name = "");
  TensorId average_pool(TensorId x, AveragePool pool, const std::string& name = "pool");
  TensorId global_average_pool(TensorId x, const std::string& name = "pool");
  TensorId linear(TensorId x, std::int64_t out_features, const std::string& name = "linear") {
    return linear(x, Linear{.out_features = out_features}, name);
  }
  TensorId linear(TensorId x, Linear linear, const std::string& name = "linear");
  TensorId add(TensorId a, TensorId b, const std::string& name = "add");
  TensorId affine(TensorId x, Affine affine, const std::string& name = "affine");
  TensorId channel_shuffle(TensorId x, std::int64_t groups, const std::string& name = "shuffle");
  TensorId channel_scale(TensorId x, TensorId factors, const std::string& name = "scale");

  TensorId embedding(TensorId tokens, TokenEmbedding embedding, const std::string& name = "embedding");
  TensorId layer_norm(TensorId x, const std::string& name = "ln");
  TensorId concat(TensorId a, TensorId b, const std::string& name = "concat");
  TensorId slice(TensorId x, std::int64_t first, std::int64_t count, const std::string& name = "slice");
  TensorId repeat(TensorId x, std::int64_t times, const std::string& name = "repeat");
  TensorId attention_scores(TensorId queries, TensorId keys, std::int64_t heads, const std::string& name = "scores");
  TensorId softmax(TensorId x, const std::string& name = "softmax");
  TensorId attention_context(TensorId weights, TensorId values, const std::string& name = "context");

  /// The finished network. The builder is empty afterwards.
  [[nodiscard]] Network build(TensorId output, std::vector<TensorId> side_outputs = {});

 private:
  friend class NameScope;
  friend class BlockScope;
  friend class StepScope;
  TensorId append(const std::string& name, Op op, std::vector<TensorId> inputs, Shape output);

  Network network_;
  std::string prefix_, weights_prefix_;
};

/// Layers built while it lives are named "<outer>.<name>.…".
class NameScope {
 public:
  NameScope(NetworkBuilder& net, const std::string& name);
  ~NameScope();
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;

 private:
  NetworkBuilder& net_;
  std::size_t outer_, outer_weights_;  // lengths of the prefixes outside
};

/// One of several passes through the same layers: their names begin with the step's, their weights are shared.
class StepScope {
 public:
  StepScope(NetworkBuilder& net, const std::string& step);
  ~StepScope();
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;

 private:
  NetworkBuilder& net_;
  std::size_t outer_;  // length of the prefix outside
};

/// Layers built while it lives form one Block of that kind. Blocks do not nest.
class BlockScope {
 public:
  BlockScope(NetworkBuilder& net, std::string kind);
  ~BlockScope();
  BlockScope(const BlockScope&) = delete;
  BlockScope& operator=(const BlockScope&) = delete;

 private:
  NetworkBuilder& net_;
};

}  // namespace naslat
