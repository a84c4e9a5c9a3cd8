#include "spaces/fbnet.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "configs/errors.hpp"
#include "spaces/blocks.hpp"

namespace naslat {

namespace {

/// A candidate of a position, in the index order of HW-NAS-Bench and HELP (search-spaces.md 3.1).
struct Candidate {
  const char* name;
  std::int64_t kernel, expansion, groups;
};
constexpr std::array<Candidate, 8> kCandidates = {{{"k3_e1", 3, 1, 1},
                                                   {"k3_e1_g2", 3, 1, 2},
                                                   {"k3_e3", 3, 3, 1},
                                                   {"k3_e6", 3, 6, 1},
                                                   {"k5_e1", 5, 1, 1},
                                                   {"k5_e1_g2", 5, 1, 2},
                                                   {"k5_e3", 5, 3, 1},
                                                   {"k5_e6", 5, 6, 1}}};
constexpr std::uint8_t kSkip = 8;

/// Positions of one width; the first has the stride.
struct Stage {
  std::int64_t out, stride;
  int positions;
};
constexpr std::int64_t kStemWidth = 16, kEarlyStride = 0;  // 0: the form's
constexpr std::array<Stage, 7> kStages = {
    {{16, 1, 1}, {24, kEarlyStride, 4}, {32, 2, 4}, {64, 2, 4}, {112, 1, 4}, {184, 2, 4}, {352, 1, 1}}};
constexpr std::size_t kPositions = 22;

using Choices = std::array<std::uint8_t, kPositions>;
// HELP's hardware_embedding_index.pt: rows 3328, 3790, … of its 5,000 networks.
constexpr std::array<Choices, 10> kReferences = {{
    {1, 8, 6, 6, 8, 0, 3, 4, 3, 7, 8, 7, 4, 3, 2, 5, 7, 3, 0, 1, 3, 7},
    {5, 4, 8, 5, 1, 6, 8, 5, 3, 0, 4, 8, 0, 2, 4, 5, 0, 6, 6, 0, 0, 5},
    {7, 2, 7, 5, 4, 6, 8, 0, 6, 6, 5, 1, 2, 4, 0, 7, 5, 6, 0, 3, 3, 2},
    {8, 1, 6, 1, 6, 2, 7, 1, 6, 8, 7, 5, 2, 0, 1, 8, 0, 3, 2, 2, 5, 4},
    {1, 7, 0, 7, 4, 3, 4, 6, 6, 1, 1, 0, 5, 6, 7, 7, 6, 7, 6, 3, 1, 2},
    {2, 2, 4, 5, 7, 2, 5, 7, 2, 2, 1, 2, 3, 1, 4, 6, 3, 6, 3, 2, 0, 1},
    {4, 4, 5, 5, 3, 1, 1, 0, 4, 2, 2, 4, 2, 0, 5, 0, 5, 6, 2, 5, 2, 5},
    {8, 8, 4, 4, 6, 8, 1, 8, 0, 3, 1, 2, 8, 8, 5, 8, 2, 2, 8, 1, 4, 8},
    {0, 7, 6, 7, 3, 3, 6, 1, 7, 4, 3, 7, 7, 0, 8, 4, 8, 5, 6, 8, 5, 1},
    {1, 2, 4, 0, 7, 3, 0, 5, 6, 4, 5, 7, 0, 1, 4, 3, 2, 3, 3, 3, 0, 6},
}};

/// One position: the candidate's block, or a skip, which is nothing at all where it can be the identity.
TensorId position(NetworkBuilder& net, TensorId x, std::uint8_t choice, std::int64_t out, std::int64_t stride) {
  if (choice == kSkip) {
    const BlockScope block(net, "skip");
    const bool identity = stride == 1 && net.shape(x).channels() == out;
    return identity ? x : conv_bn_act(net, x, {.out = out, .stride = stride}, "skip");
  }
  const Candidate& candidate = kCandidates.at(choice);
  const BlockScope block(net, candidate.name);
  return mbconv(net, x,
                {.mid = candidate.expansion * net.shape(x).channels(),
                 .out = out,
                 .kernel = candidate.kernel,
                 .stride = stride,
                 .groups = candidate.groups});
}

TensorId head(NetworkBuilder& net, TensorId x, const FbnetForm& form) {
  const BlockScope block(net, "head");
  const NameScope scope(net, "head");
  x = net.global_average_pool(conv_bn_act(net, x, {.out = form.head}, "conv"));
  return net.linear(x, form.classes);
}

class Fbnet final : public SearchSpace {
 public:
  Fbnet(std::string name, const FbnetForm& form) : name_(std::move(name)), form_(form) {
    std::vector<std::string> options;
    for (const Candidate& candidate : kCandidates) options.emplace_back(candidate.name);
    options.emplace_back("skip");
    for (std::size_t i = 1; i <= kPositions; ++i) decisions_.push_back({fmt::format("position {}", i), options});
  }

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string summary() const override {
    return fmt::format("FBNet, 9^22 chains of 22 blocks; input 3x{0}x{0}, {1} classes", form_.resolution,
                       form_.classes);
  }
  [[nodiscard]] const std::vector<Decision>& decisions() const override { return decisions_; }

  /// 22 candidate indices.
  [[nodiscard]] std::string format(const Architecture& architecture) const override {
    return fmt::format("{}", fmt::join(architecture.choices, " "));
  }
  [[nodiscard]] Architecture parse(std::string_view text) const override;
  [[nodiscard]] Network network(const Architecture& architecture) const override;
  [[nodiscard]] Encoding encode(const Architecture& architecture) const override;

  [[nodiscard]] std::vector<Architecture> references() const override {
    std::vector<Architecture> list;
    for (const Choices& choices : kReferences) list.push_back({{choices.begin(), choices.end()}});
    return list;
  }

 private:
  std::string name_;
  FbnetForm form_;
  std::vector<Decision> decisions_;
};

Architecture Fbnet::parse(std::string_view text) const {
  Architecture architecture;
  const char *at = text.data(), *const end = at + text.size();
  while (at != end) {
    unsigned choice = kSkip + 1;
    const auto [next, error] = std::from_chars(at, end, choice);
    const bool separated = next == end || (*next == ' ' && next + 1 != end);
    if (error != std::errc{} || choice > kSkip || !separated) {
      throw ConfigError(fmt::format("{}: architecture '{}': wanted a candidate index 0..8 at character {}", name_,
                                    text.substr(0, 80), at - text.data() + 1));
    }
    architecture.choices.push_back(static_cast<std::uint8_t>(choice));
    at = next == end ? end : next + 1;
  }
  if (architecture.choices.size() != kPositions) {
    throw ConfigError(fmt::format("{}: architecture '{}': got {} candidates, wanted {}", name_, text.substr(0, 80),
                                  architecture.choices.size(), kPositions));
  }
  return architecture;
}

Network Fbnet::network(const Architecture& architecture) const {
  NetworkBuilder net(name_ + " " + format(architecture), Shape{{1, 3, form_.resolution, form_.resolution}});
  TensorId x = net.input();
  {
    const BlockScope block(net, "stem");
    x = conv_bn_act(net, x, {.out = kStemWidth, .kernel = 3, .stride = form_.early_stride}, "stem");
  }
  std::size_t choice = 0;
  for (std::size_t s = 0; s < kStages.size(); ++s) {
    for (int i = 0; i < kStages[s].positions; ++i) {
      const NameScope scope(net, fmt::format("stage{}.block{}", s + 1, i + 1));
      const std::int64_t stage_stride = kStages[s].stride == kEarlyStride ? form_.early_stride : kStages[s].stride;
      x = position(net, x, architecture.choices.at(choice++), kStages[s].out, i == 0 ? stage_stride : 1);
    }
  }
  return net.build(head(net, x, form_));
}

/// Per position [k3, k5, e1, e1_g2, e3, e6]; skip has none (search-spaces.md 3.3).
Encoding Fbnet::encode(const Architecture& architecture) const {
  constexpr std::size_t kColumns = 6, kExpansions = 4;
  Encoding encoding{1, static_cast<int>(kPositions * kColumns), std::vector<float>(kPositions * kColumns), {}};
  for (std::size_t i = 0; i < kPositions; ++i) {
    const std::uint8_t choice = architecture.choices.at(i);
    if (choice == kSkip) continue;
    encoding.x[i * kColumns + choice / kExpansions] = 1;
    encoding.x[i * kColumns + 2 + choice % kExpansions] = 1;
  }
  return encoding;
}

}  // namespace

std::unique_ptr<SearchSpace> make_fbnet(const std::string& name, const FbnetForm& form) {
  return std::make_unique<Fbnet>(name, form);
}

}  // namespace naslat
