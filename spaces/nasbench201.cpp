#include "spaces/nasbench201.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <random>
#include <utility>

#include "configs/errors.hpp"
#include "spaces/network_builder.hpp"

namespace naslat {

namespace {

// The operations in NAS-Bench-201's own order; an architecture's choices are positions in this list.
enum Operation : std::uint8_t { kNone, kSkip, kConv1x1, kConv3x3, kAveragePool };
constexpr std::array<const char*, 5> kOperationNames = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                                        "avg_pool_3x3"};

struct Edge {
  int source, target;
};
// In the order of the architecture text, letters A to F of search-spaces.md 2.2.
constexpr std::array<Edge, 6> kEdges = {{{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}}};
constexpr int kNodes = 4;
constexpr std::uint64_t kArchitectures = 15625;  // 5^6
constexpr int kCellsPerStage = 5;

// HELP's hardware_embedding_index.pt.
constexpr std::array<std::uint64_t, 10> kReferences = {11982, 431, 55, 9, 14451, 8636, 9881, 13479, 6196, 1462};

// ---- the published index: a fixed shuffle of the product order (search-spaces.md 2.3)

/// Seeds MT19937 by its authors' init_by_array with the one key {88}, which the standard's seed_seq does not do.
class InitByArray {
 public:
  using result_type = std::uint32_t;

  template <typename Iterator>
  void generate(Iterator begin, Iterator end) const {
    const auto n = static_cast<std::uint32_t>(end - begin);
    const auto state = [&](std::uint32_t i) -> auto& { return begin[i]; };
    std::uint32_t previous = state(0) = 19650218U;
    for (std::uint32_t i = 1; i < n; ++i) previous = state(i) = 1812433253U * (previous ^ (previous >> 30)) + i;
    std::uint32_t i = 1;
    const auto advance = [&] {
      previous = static_cast<std::uint32_t>(state(i));
      if (++i == n) {
        state(0) = state(n - 1);
        i = 1;
      }
    };
    previous = 19650218U;
    for (std::uint32_t k = 0; k < n; ++k) {
      state(i) = (static_cast<std::uint32_t>(state(i)) ^ ((previous ^ (previous >> 30)) * 1664525U)) + kKey;
      advance();
    }
    for (std::uint32_t k = 0; k + 1 < n; ++k) {
      state(i) = (static_cast<std::uint32_t>(state(i)) ^ ((previous ^ (previous >> 30)) * 1566083941U)) - i;
      advance();
    }
    state(0) = 0x80000000U;
  }

 private:
  static constexpr std::uint32_t kKey = 88;
};

/// Product position of each index.
std::vector<std::uint32_t> shuffled_positions() {
  InitByArray seed;
  std::mt19937 engine(seed);
  std::vector<std::uint32_t> positions(kArchitectures);
  std::iota(positions.begin(), positions.end(), 0U);
  for (std::uint32_t i = kArchitectures - 1; i > 0; --i) {
    const auto bits = std::bit_width(i + 1);
    std::uint32_t draw = 0;
    do {
      draw = static_cast<std::uint32_t>(engine()) >> (32 - bits);
    } while (draw > i);
    std::swap(positions[i], positions[draw]);
  }
  return positions;
}

const std::vector<std::uint32_t>& positions_by_index() {
  static const std::vector<std::uint32_t> positions = shuffled_positions();
  return positions;
}

const std::vector<std::uint32_t>& indices_by_position() {
  static const std::vector<std::uint32_t> indices = [] {
    std::vector<std::uint32_t> inverse(kArchitectures);
    for (std::uint32_t i = 0; i < kArchitectures; ++i) inverse[positions_by_index()[i]] = i;
    return inverse;
  }();
  return indices;
}

// ---- the network (search-spaces.md 2.1 and 2.4)

/// One edge of a cell; convolutions are pre-activated.
TensorId edge_operation(NetworkBuilder& net, TensorId x, std::uint8_t operation) {
  const std::int64_t channels = net.shape(x).channels();
  switch (operation) {
    case kNone:
      return net.affine(x, {.scale = 0}, "none");
    case kSkip:
      return x;
    case kAveragePool:
      return net.average_pool(x, {.kernel = 3, .stride = 1, .padding = 1});
    default: {
      const std::int64_t kernel = operation == kConv3x3 ? 3 : 1;
      const TensorId y = net.conv(net.relu(x), {.out_channels = channels, .kernel = kernel, .padding = kernel / 2});
      return net.batch_norm(y);
    }
  }
}

/// A node is the sum of its incoming edges. As Python's sum() it starts from the scalar 0, so that a node with k edges
/// costs k additions in a framework that runs the graph as written.
TensorId cell(NetworkBuilder& net, TensorId x, const Architecture& architecture) {
  std::array<TensorId, kNodes> nodes{x};
  for (std::size_t e = 0; e < kEdges.size(); ++e) {
    const auto [source, target] = kEdges[e];
    const NameScope scope(net, fmt::format("edge{}-{}", source, target));
    TensorId y = 0;
    {
      const BlockScope block(net, kOperationNames[architecture.choices[e]]);
      y = edge_operation(net, nodes[static_cast<std::size_t>(source)], architecture.choices[e]);
    }
    const BlockScope block(net, "sum");
    TensorId& sum = nodes[static_cast<std::size_t>(target)];
    sum = source == 0 ? net.affine(y, {.scale = 1, .shift = 0}, "sum") : net.add(sum, y, "sum");
  }
  return nodes.back();
}

/// Residual block of stride 2 between the stages, not searched.
TensorId reduction(NetworkBuilder& net, TensorId x, std::int64_t out_channels) {
  const BlockScope block(net, "reduction");
  TensorId y =
      net.conv(net.relu(x, "relu1"), {.out_channels = out_channels, .kernel = 3, .stride = 2, .padding = 1}, "conv1");
  y = net.batch_norm(y, "bn1");
  y = net.conv(net.relu(y, "relu2"), {.out_channels = out_channels, .kernel = 3, .padding = 1}, "conv2");
  y = net.batch_norm(y, "bn2");
  const TensorId shortcut = net.average_pool(x, {.kernel = 2, .stride = 2}, "shortcut.pool");
  return net.add(y, net.conv(shortcut, {.out_channels = out_channels}, "shortcut.conv"));
}

TensorId stem(NetworkBuilder& net, std::int64_t channels) {
  const BlockScope block(net, "stem");
  const NameScope scope(net, "stem");
  return net.batch_norm(net.conv(net.input(), {.out_channels = channels, .kernel = 3, .padding = 1}));
}

TensorId tail(NetworkBuilder& net, TensorId x, std::int64_t classes) {
  const BlockScope block(net, "tail");
  const NameScope scope(net, "tail");
  return net.linear(net.global_average_pool(net.relu(net.batch_norm(x))), classes);
}

// ---- the space

class NasBench201 final : public SearchSpace {
 public:
  NasBench201(std::string name, NasBench201Input input) : name_(std::move(name)), input_(input) {
    for (const auto& [source, target] : kEdges) {
      decisions_.push_back(
          {fmt::format("edge {}->{}", source, target), {kOperationNames.begin(), kOperationNames.end()}});
    }
  }

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string summary() const override {
    return fmt::format("NAS-Bench-201, 15,625 cells of six edges; input 3x{0}x{0}, {1} classes", input_.resolution,
                       input_.classes);
  }
  [[nodiscard]] const std::vector<Decision>& decisions() const override { return decisions_; }

  /// "|A~0|+|B~0|C~1|+|D~0|E~1|F~2|": node groups joined by '+', each its incoming edges by source.
  [[nodiscard]] std::string format(const Architecture& architecture) const override {
    std::string text;
    for (std::size_t e = 0; e < kEdges.size(); ++e) {
      const auto [source, target] = kEdges[e];
      if (source == 0) text += target == 1 ? "|" : "+|";
      text += fmt::format("{}~{}|", kOperationNames.at(architecture.choices.at(e)), source);
    }
    return text;
  }

  [[nodiscard]] Architecture parse(std::string_view text) const override {
    std::uint64_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (!text.empty() && end == text.data() + text.size()) {
      if (error != std::errc{} || index >= kArchitectures) {
        throw ConfigError(fmt::format("{}: index: got {}, wanted 0..{}", name_, text, kArchitectures - 1));
      }
      return at(index);
    }
    return parse_cell(text);
  }

  [[nodiscard]] Network network(const Architecture& architecture) const override {
    constexpr std::array<std::int64_t, 3> kStageChannels = {16, 32, 64};
    NetworkBuilder net(name_ + " " + format(architecture), Shape{{1, 3, input_.resolution, input_.resolution}});
    TensorId x = stem(net, kStageChannels[0]);
    for (std::size_t stage = 0; stage < kStageChannels.size(); ++stage) {
      const NameScope stage_scope(net, fmt::format("stage{}", stage + 1));
      if (stage > 0) x = reduction(net, x, kStageChannels[stage]);
      for (int i = 1; i <= kCellsPerStage; ++i) {
        const NameScope cell_scope(net, fmt::format("cell{}", i));
        x = cell(net, x, architecture);
      }
    }
    return net.build(tail(net, x, input_.classes));
  }

  [[nodiscard]] Encoding encode(const Architecture& architecture) const override;

  [[nodiscard]] std::optional<std::uint64_t> size() const override { return kArchitectures; }

  [[nodiscard]] Architecture at(std::uint64_t index) const override {
    std::uint32_t position = positions_by_index().at(index);
    Architecture architecture{std::vector<std::uint8_t>(kEdges.size())};
    for (std::size_t e = kEdges.size(); e-- > 0; position /= 5) {
      architecture.choices[e] = static_cast<std::uint8_t>(position % 5);
    }
    return architecture;
  }

  [[nodiscard]] std::optional<std::uint64_t> index_of(const Architecture& architecture) const override {
    std::size_t position = 0;
    for (const std::uint8_t choice : architecture.choices) position = position * 5 + choice;
    return indices_by_position().at(position);
  }

  [[nodiscard]] std::vector<Architecture> references() const override {
    std::vector<Architecture> list;
    for (const std::uint64_t index : kReferences) list.push_back(at(index));
    return list;
  }

 private:
  [[nodiscard]] Architecture parse_cell(std::string_view text) const;

  std::string name_;
  NasBench201Input input_;
  std::vector<Decision> decisions_;
};

Architecture NasBench201::parse_cell(std::string_view text) const {
  Architecture architecture;
  std::string_view rest = text;
  const auto expect = [&](std::string_view token) {
    if (!rest.starts_with(token)) {
      throw ConfigError(
          fmt::format("{}: architecture '{}': wanted '{}' at character {}, as in |op~0|+|op~0|op~1|+|op~0|op~1|op~2|",
                      name_, text, token, text.size() - rest.size() + 1));
    }
    rest.remove_prefix(token.size());
  };
  for (const auto& [source, target] : kEdges) {
    if (source == 0) expect(target == 1 ? "|" : "+|");
    const std::string_view operation = rest.substr(0, rest.find('~'));
    const auto* const known = std::find(kOperationNames.begin(), kOperationNames.end(), operation);
    if (known == kOperationNames.end()) {
      throw ConfigError(fmt::format("{}: architecture '{}': operation of edge {}->{}: got '{}', wanted one of {}",
                                    name_, text, source, target, operation.substr(0, 20),
                                    fmt::join(kOperationNames, ", ")));
    }
    architecture.choices.push_back(static_cast<std::uint8_t>(known - kOperationNames.begin()));
    rest.remove_prefix(operation.size());
    expect(fmt::format("~{}|", source));
  }
  if (!rest.empty()) {
    throw ConfigError(
        fmt::format("{}: architecture '{}': unexpected '{}' at its end", name_, text, rest.substr(0, 20)));
  }
  return architecture;
}

/// HELP's operation graph: node 0 the input, 1..6 the edges A to F, 7 the output, 8 a global node that reads all others
/// (search-spaces.md 2.7).
Encoding NasBench201::encode(const Architecture& architecture) const {
  constexpr int kGraphNodes = 9, kFeatures = 8, kGlobal = 8;
  constexpr std::array<std::pair<int, int>, 10> kGraphEdges = {
      {{0, 1}, {0, 2}, {0, 4}, {1, 3}, {1, 5}, {2, 6}, {3, 6}, {4, 7}, {5, 7}, {6, 7}}};
  // Columns: input, avg_pool_3x3, nor_conv_1x1, nor_conv_3x3, none, skip_connect, output, global flag.
  constexpr int kInputColumn = 0, kOutputColumn = 6, kGlobalColumn = 7;
  constexpr std::array<int, 5> kOperationColumn = {4, 5, 2, 3, 1};

  Encoding encoding{kGraphNodes, kFeatures, std::vector<float>(kGraphNodes * kFeatures),
                    std::vector<float>(kGraphNodes * kGraphNodes)};
  const auto mark = [&](int node, int column) { encoding.x[static_cast<std::size_t>(node * kFeatures + column)] = 1; };
  mark(0, kInputColumn);
  for (std::size_t e = 0; e < kEdges.size(); ++e) {
    mark(static_cast<int>(e) + 1, kOperationColumn[architecture.choices.at(e)]);
  }
  mark(7, kOutputColumn);
  mark(kGlobal, kGlobalColumn);

  const auto connect = [&](int from, int to) {
    encoding.adjacency[static_cast<std::size_t>(to * kGraphNodes + from)] = 1;
  };
  for (const auto& [from, to] : kGraphEdges) connect(from, to);
  for (int node = 0; node < kGraphNodes; ++node) {
    connect(node, node);
    connect(node, kGlobal);
  }
  return encoding;
}

}  // namespace

std::unique_ptr<SearchSpace> make_nasbench201(const std::string& name, NasBench201Input input) {
  return std::make_unique<NasBench201>(name, input);
}

}  // namespace naslat
