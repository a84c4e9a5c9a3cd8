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
  TensorId batch_norm(TensorId x, const std::string& name = "bn");
  TensorId relu(TensorId x, const std::string& name = "relu");
  TensorId average_pool(TensorId x, AveragePool pool, const std::string& name = "pool");
  TensorId global_average_pool(TensorId x, const std::string& name = "pool");
  TensorId linear(TensorId x, std::int64_t out_features, const std::string& name = "linear");
  TensorId add(TensorId a, TensorId b, const std::string& name = "add");
  TensorId affine(TensorId x, Affine affine, const std::string& name = "affine");

  /// The finished network. The builder is empty afterwards.
  [[nodiscard]] Network build(TensorId output);

 private:
  friend class NameScope;
  friend class BlockScope;
  TensorId append(const std::string& name, Op op, std::vector<TensorId> inputs, Shape output);

  Network network_;
  std::string prefix_;
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
  std::string outer_prefix_;
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
