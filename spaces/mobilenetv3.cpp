#include "spaces/mobilenetv3.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "configs/errors.hpp"
#include "spaces/blocks.hpp"

namespace naslat {

namespace {

constexpr std::size_t kStageCount = 5, kBlocksPerStage = 4, kBlocks = kStageCount * kBlocksPerStage;
constexpr std::array<std::int64_t, 3> kKernels = {3, 5, 7}, kExpansions = {3, 4, 6};
constexpr std::int64_t kLeastDepth = 2;
constexpr std::int64_t kLeastResolution = 128, kResolutionStep = 4, kResolutions = 25;

// An architecture's choices: 20 kernels, 20 expansions, 5 depths, the resolution; positions in the lists above.
constexpr std::size_t kFirstExpansion = kBlocks, kFirstDepth = 2 * kBlocks, kResolution = kFirstDepth + kStageCount;

struct Stage {
  std::int64_t base_width, stride;
  bool squeeze_excite, hswish;
};
// search-spaces.md 4.2, widths at multiplier 1.
constexpr std::array<Stage, kStageCount> kStages = {
    {{24, 2, false, false}, {40, 2, true, false}, {80, 2, false, true}, {112, 1, true, true}, {160, 2, true, true}}};
constexpr std::int64_t kStemBase = 16, kFinalBase = 960, kFeatureBase = 1280, kClasses = 1000;

// HELP's hardware_embedding_index.pt: rows 1316, 1587, … of its 5,000 networks (search-spaces.md 4.4).
constexpr std::array<const char*, 10> kReferences = {"r=196 k=7755,773.,775.,3533,35.. e=3636,643.,466.,3443,33..",
                                                     "r=172 k=733.,53..,57..,375.,35.. e=436.,66..,36..,633.,63..",
                                                     "r=204 k=75..,33..,77..,55..,777. e=44..,44..,63..,36..,364.",
                                                     "r=200 k=3757,335.,3353,7537,7553 e=4336,334.,6646,3666,4446",
                                                     "r=136 k=57..,77..,73..,777.,77.. e=46..,46..,43..,644.,46..",
                                                     "r=224 k=7757,37..,377.,3377,3577 e=6436,66..,646.,6643,4663",
                                                     "r=132 k=5573,33..,7335,73..,333. e=6344,33..,3344,33..,366.",
                                                     "r=152 k=73..,3757,73..,3337,7737 e=36..,6434,64..,6343,4336",
                                                     "r=152 k=73..,3735,555.,5535,5537 e=44..,6364,444.,3464,6333",
                                                     "r=200 k=3377,7777,573.,3553,37.. e=3346,6643,633.,3363,66.."};

std::int64_t depth(const Architecture& architecture, std::size_t stage) {
  return kLeastDepth + architecture.choices.at(kFirstDepth + stage);
}
bool is_used(const Architecture& architecture, std::size_t block) {
  return static_cast<std::int64_t>(block % kBlocksPerStage) < depth(architecture, block / kBlocksPerStage);
}
std::int64_t resolution(const Architecture& architecture) {
  return kLeastResolution + kResolutionStep * architecture.choices.at(kResolution);
}

class MobileNetV3 final : public SearchSpace {
 public:
  MobileNetV3(std::string name, double width, std::int64_t most_resolution)
      : name_(std::move(name)), width_(width), most_resolution_(most_resolution) {
    const auto options = [](std::int64_t first, std::int64_t step, std::int64_t count) {
      std::vector<std::string> list;
      for (std::int64_t i = 0; i < count; ++i) list.push_back(fmt::format("{}", first + i * step));
      return list;
    };
    for (const char* const what : {"kernel", "expansion"}) {
      const bool kernel = what[0] == 'k';
      for (std::size_t b = 0; b < kBlocks; ++b) {
        decisions_.push_back(
            {fmt::format("stage {} block {} {}", b / kBlocksPerStage + 1, b % kBlocksPerStage + 1, what),
             kernel ? options(3, 2, 3) : std::vector<std::string>{"3", "4", "6"}});
      }
    }
    for (std::size_t s = 1; s <= kStageCount; ++s) {
      decisions_.push_back({fmt::format("stage {} depth", s), options(kLeastDepth, 1, 3)});
    }
    decisions_.push_back({"resolution", options(kLeastResolution, kResolutionStep, kResolutions)});
  }

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string summary() const override {
    return fmt::format("MobileNetV3 of Once-for-All, width {}: 2.2e19 networks at each of 25 resolutions, 1000 classes",
                       width_);
  }
  [[nodiscard]] const std::vector<Decision>& decisions() const override { return decisions_; }

  /// Choices of blocks beyond their stage's depth have no effect: the first of each.
  [[nodiscard]] Architecture canonical(const Architecture& architecture) const override {
    Architecture same = architecture;
    for (std::size_t b = 0; b < kBlocks; ++b) {
      if (!is_used(same, b)) same.choices[b] = same.choices[kFirstExpansion + b] = 0;
    }
    return same;
  }

  /// "r=224 k=33..,33..,77..,375.,335. e=33..,64..,64..,644.,666.": kernels and expansions stage by stage, a dot for a
  /// block that does not exist.
  [[nodiscard]] std::string format(const Architecture& architecture) const override {
    const auto digits = [&](std::size_t first, const auto& values) {
      std::string text;
      for (std::size_t b = 0; b < kBlocks; ++b) {
        if (b > 0 && b % kBlocksPerStage == 0) text += ',';
        text += is_used(architecture, b) ? fmt::format("{}", values.at(architecture.choices.at(first + b))) : ".";
      }
      return text;
    };
    return fmt::format("r={} k={} e={}", resolution(architecture), digits(0, kKernels),
                       digits(kFirstExpansion, kExpansions));
  }

  [[nodiscard]] Architecture parse(std::string_view text) const override;
  [[nodiscard]] Network network(const Architecture& architecture) const override;
  [[nodiscard]] Encoding encode(const Architecture& architecture) const override;

  [[nodiscard]] std::vector<Architecture> references() const override {
    std::vector<Architecture> list;
    for (const char* const text : kReferences) list.push_back(parse(text));
    return list;
  }

 private:
  [[noreturn]] void refuse(std::string_view text, const std::string& what) const {
    throw ConfigError(
        fmt::format("{}: architecture '{}': {}, as in r=224 k=33..,33..,77..,375.,335. "
                    "e=33..,64..,64..,644.,666.",
                    name_, text.substr(0, 80), what));
  }
  void parse_blocks(std::string_view text, std::string_view part, std::string_view blocks, Architecture& out) const;
  TensorId stage_block(NetworkBuilder& net, TensorId x, const Architecture& architecture, std::size_t block) const;
  TensorId head(NetworkBuilder& net, TensorId x) const;
  [[nodiscard]] std::int64_t scaled(std::int64_t base) const { return round8(static_cast<double>(base) * width_); }

  std::string name_;
  double width_;
  std::int64_t most_resolution_;
  std::vector<Decision> decisions_;
};

/// One of the two lists of digits; the kernels come first and say how deep the stages are.
void MobileNetV3::parse_blocks(std::string_view text, std::string_view part, std::string_view blocks,
                               Architecture& out) const {
  const bool kernels = part == "k";
  const auto& values = kernels ? kKernels : kExpansions;
  constexpr std::size_t kLength = kBlocks + kStageCount - 1;
  if (blocks.size() != kLength) refuse(text, fmt::format("{}: wanted five groups of four characters", part));
  for (std::size_t b = 0; b < kBlocks; ++b) {
    const std::size_t stage = b / kBlocksPerStage, in_stage = b % kBlocksPerStage;
    const char c = blocks[b + stage];
    if (in_stage == 0 && stage > 0 && blocks[b + stage - 1] != ',')
      refuse(text, fmt::format("{}: wanted commas", part));
    if (kernels && c != '.' && in_stage >= static_cast<std::size_t>(kLeastDepth)) ++out.choices[kFirstDepth + stage];
    const auto* const found = std::find(values.begin(), values.end(), static_cast<std::int64_t>(c - '0'));
    if (is_used(out, b) ? found == values.end() : c != '.') {
      refuse(text, fmt::format("{}: got '{}' for block {} of stage {}, wanted {}", part, c, in_stage + 1, stage + 1,
                               is_used(out, b) ? fmt::format("one of {}", fmt::join(values, ", ")) : "."));
    }
    if (is_used(out, b)) {
      out.choices[(kernels ? 0 : kFirstExpansion) + b] = static_cast<std::uint8_t>(found - values.begin());
    }
  }
}

Architecture MobileNetV3::parse(std::string_view text) const {
  const auto kernels = text.find(" k="), expansions = text.find(" e=");
  if (!text.starts_with("r=") || kernels == std::string_view::npos || expansions == std::string_view::npos ||
      expansions < kernels) {
    refuse(text, "wanted resolution, kernels and expansions");
  }
  std::int64_t value = 0;
  const char* const end = text.data() + kernels;
  const auto [next, error] = std::from_chars(text.data() + 2, end, value);
  if (error != std::errc{} || next != end || value < kLeastResolution || value > most_resolution_ ||
      value % kResolutionStep != 0) {
    refuse(text, fmt::format("resolution: wanted a multiple of 4 in {}..{}", kLeastResolution, most_resolution_));
  }
  Architecture architecture{std::vector<std::uint8_t>(kResolution + 1)};
  architecture.choices[kResolution] = static_cast<std::uint8_t>((value - kLeastResolution) / kResolutionStep);
  parse_blocks(text, "k", text.substr(kernels + 3, expansions - kernels - 3), architecture);
  parse_blocks(text, "e", text.substr(expansions + 3), architecture);
  return architecture;
}

TensorId MobileNetV3::stage_block(NetworkBuilder& net, TensorId x, const Architecture& architecture,
                                  std::size_t block) const {
  const Stage& stage = kStages[block / kBlocksPerStage];
  const std::int64_t kernel = kKernels.at(architecture.choices.at(block));
  const std::int64_t expansion = kExpansions.at(architecture.choices.at(kFirstExpansion + block));
  const std::int64_t mid = round8(static_cast<double>(net.shape(x).channels() * expansion));
  const BlockScope scope(net, fmt::format("k{}_e{}", kernel, expansion));
  return mbconv(net, x,
                {.mid = mid,
                 .out = scaled(stage.base_width),
                 .kernel = kernel,
                 .stride = block % kBlocksPerStage == 0 ? stage.stride : 1,
                 .activation = stage.hswish ? ActivationKind::hswish : ActivationKind::relu,
                 .squeeze_excite = {.width = stage.squeeze_excite ? round8(static_cast<double>(mid) / 4) : 0}});
}

Network MobileNetV3::network(const Architecture& architecture) const {
  const std::int64_t extent = resolution(architecture);
  NetworkBuilder net(name_ + " " + format(architecture), Shape{{1, 3, extent, extent}});
  const auto hswish = ActivationKind::hswish;
  const std::int64_t stem = scaled(kStemBase);
  TensorId x = net.input();
  {
    const BlockScope block(net, "stem");
    x = conv_bn_act(net, x, {.out = stem, .kernel = 3, .stride = 2, .activation = hswish}, "stem");
  }
  {
    const BlockScope block(net, "first");
    const NameScope scope(net, "first");
    x = mbconv(net, x, {.mid = stem, .out = stem, .kernel = 3, .expand = false});
  }
  for (std::size_t b = 0; b < kBlocks; ++b) {
    if (!is_used(architecture, b)) continue;
    const NameScope scope(net, fmt::format("stage{}.block{}", b / kBlocksPerStage + 1, b % kBlocksPerStage + 1));
    x = stage_block(net, x, architecture, b);
  }
  return net.build(head(net, x));
}

TensorId MobileNetV3::head(NetworkBuilder& net, TensorId x) const {
  const BlockScope block(net, "head");
  const NameScope scope(net, "head");
  const auto hswish = ActivationKind::hswish;
  x = conv_bn_act(net, x, {.out = scaled(kFinalBase), .activation = hswish}, "expand");
  x = net.conv(net.global_average_pool(x), {.out_channels = scaled(kFeatureBase)}, "mix");
  return net.linear(net.activation(x, hswish, "mix.hswish"), kClasses);
}

/// 60 kernel flags, 60 expansion flags, 25 resolution flags; blocks that do not exist have none (search-spaces.md 4.3).
Encoding MobileNetV3::encode(const Architecture& architecture) const {
  constexpr std::size_t kFlags = 2 * 3 * kBlocks, kWidth = kFlags + kResolutions;
  Encoding encoding{1, static_cast<int>(kWidth), std::vector<float>(kWidth), {}};
  for (std::size_t b = 0; b < kBlocks; ++b) {
    if (!is_used(architecture, b)) continue;
    encoding.x[3 * b + architecture.choices.at(b)] = 1;
    encoding.x[kFlags / 2 + 3 * b + architecture.choices.at(kFirstExpansion + b)] = 1;
  }
  encoding.x.at(kFlags + architecture.choices.at(kResolution)) = 1;
  return encoding;
}

}  // namespace

std::unique_ptr<SearchSpace> make_mobilenetv3(const std::string& name, double width, std::int64_t most_resolution) {
  return std::make_unique<MobileNetV3>(name, width, most_resolution);
}

}  // namespace naslat
