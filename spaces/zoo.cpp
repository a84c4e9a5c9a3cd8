#include "spaces/zoo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <variant>

#include "configs/errors.hpp"
#include "spaces/blocks.hpp"
#include "spaces/mobilenetv3.hpp"

namespace naslat {

namespace {

/// One MBConv: expanded where mid differs from its input's width; squeeze 0: no squeeze-excite.
struct Row {
  std::int64_t kernel, stride, mid, out, squeeze = 0, groups = 1;
};

/// A chain of MBConvs: 3×3 stem of stride 2, rows, 1×1 head, global pool, hidden layer if any, 1000 classes.
struct Chain {
  std::int64_t resolution = 224, stem = 0;
  std::vector<Row> rows;
  std::int64_t head = 0, hidden = 0;
  ActivationKind activation = ActivationKind::relu6;
  std::size_t hswish_from = 1000;  ///< first row with h-swish instead, also in stem, head and hidden layer
  ActivationKind gate = ActivationKind::hsigmoid;
  bool bias = false;
  double epsilon = 1e-3;
};

/// A network of the MobileNetV3 space, by its text there.
struct OfaNetwork {
  double width;
  const char* text;
};

struct Named {
  std::string name, source;
  std::variant<Chain, OfaNetwork> definition;
};

// search-spaces.md 6. FBNet as released by mobile-vision; rows that are the identity are left out.
std::vector<Named> chains() {
  constexpr auto relu = ActivationKind::relu, sigmoid = ActivationKind::sigmoid;
  const auto fbnet = [](std::int64_t head, std::vector<Row> rows) {
    return Chain{.stem = 16, .rows = std::move(rows), .head = head, .activation = relu, .bias = true, .epsilon = 1e-5};
  };
  const auto proxyless = [](std::int64_t resolution, std::int64_t stem, std::int64_t head, std::vector<Row> rows) {
    return Chain{.resolution = resolution, .stem = stem, .rows = std::move(rows), .head = head};
  };
  return {
      {"mobilenetv3-large", "Howard et al. 2019",
       Chain{.stem = 16,
             .rows = {{3, 1, 16, 16},
                      {3, 2, 64, 24},
                      {3, 1, 72, 24},
                      {5, 2, 72, 40, 24},
                      {5, 1, 120, 40, 32},
                      {5, 1, 120, 40, 32},
                      {3, 2, 240, 80},
                      {3, 1, 200, 80},
                      {3, 1, 184, 80},
                      {3, 1, 184, 80},
                      {3, 1, 480, 112, 120},
                      {3, 1, 672, 112, 168},
                      {5, 2, 672, 160, 168},
                      {5, 1, 960, 160, 240},
                      {5, 1, 960, 160, 240}},
             .head = 960,
             .hidden = 1280,
             .activation = relu,
             .hswish_from = 6}},
      {"mnasnet-a1", "Tan et al. 2019",
       Chain{.stem = 32,
             .rows = {{3, 1, 32, 16},
                      {3, 2, 96, 24},
                      {3, 1, 144, 24},
                      {5, 2, 72, 40, 6},
                      {5, 1, 120, 40, 10},
                      {5, 1, 120, 40, 10},
                      {3, 2, 240, 80},
                      {3, 1, 480, 80},
                      {3, 1, 480, 80},
                      {3, 1, 480, 80},
                      {3, 1, 480, 112, 20},
                      {3, 1, 672, 112, 28},
                      {5, 2, 672, 160, 28},
                      {5, 1, 960, 160, 40},
                      {5, 1, 960, 160, 40},
                      {3, 1, 960, 320}},
             .head = 1280,
             .activation = relu,
             .gate = sigmoid}},
      {"fbnet-a", "Wu et al. 2019, as released",
       fbnet(1504, {{3, 2, 48, 24},
                    {3, 1, 24, 24},
                    {5, 2, 144, 32},
                    {3, 1, 96, 32},
                    {5, 1, 32, 32},
                    {3, 1, 96, 32},
                    {5, 2, 192, 64},
                    {5, 1, 192, 64},
                    {5, 1, 64, 64, 0, 2},
                    {5, 1, 384, 64},
                    {3, 1, 384, 112},
                    {5, 1, 112, 112, 0, 2},
                    {5, 1, 336, 112},
                    {3, 1, 112, 112, 0, 2},
                    {5, 2, 672, 184},
                    {5, 1, 1104, 184},
                    {5, 1, 552, 184},
                    {5, 1, 1104, 184},
                    {5, 1, 1104, 352}})},
      {"fbnet-b", "Wu et al. 2019, as released",
       fbnet(1984, {{3, 1, 16, 16},   {3, 2, 96, 24},   {5, 1, 24, 24},   {3, 1, 24, 24},    {3, 1, 24, 24},
                    {5, 2, 144, 32},  {5, 1, 96, 32},   {3, 1, 192, 32},  {5, 1, 192, 32},   {5, 2, 192, 64},
                    {5, 1, 384, 64},  {5, 1, 192, 64},  {5, 1, 384, 112}, {3, 1, 112, 112},  {5, 1, 112, 112},
                    {5, 1, 336, 112}, {5, 2, 672, 184}, {5, 1, 184, 184}, {5, 1, 1104, 184}, {5, 1, 1104, 184},
                    {3, 1, 1104, 352}})},
      {"fbnet-c", "Wu et al. 2019, as released",
       fbnet(1984, {{3, 1, 16, 16},   {3, 2, 96, 24},   {3, 1, 24, 24},    {3, 1, 24, 24},    {5, 2, 144, 32},
                    {5, 1, 96, 32},   {5, 1, 192, 32},  {3, 1, 192, 32},   {5, 2, 192, 64},   {5, 1, 192, 64},
                    {5, 1, 384, 64},  {5, 1, 384, 64},  {5, 1, 384, 112},  {5, 1, 672, 112},  {5, 1, 672, 112},
                    {5, 1, 336, 112}, {5, 2, 672, 184}, {5, 1, 1104, 184}, {5, 1, 1104, 184}, {5, 1, 1104, 184},
                    {3, 1, 1104, 352}})},
      {"proxylessnas-gpu", "Cai et al. 2019",
       proxyless(224, 40, 1728,
                 {{3, 1, 40, 24},
                  {5, 2, 72, 32},
                  {7, 2, 96, 56},
                  {3, 1, 168, 56},
                  {7, 2, 336, 112},
                  {5, 1, 336, 112},
                  {5, 1, 672, 128},
                  {3, 1, 384, 128},
                  {5, 1, 384, 128},
                  {7, 2, 768, 256},
                  {7, 1, 1536, 256},
                  {7, 1, 1536, 256},
                  {5, 1, 1536, 256},
                  {7, 1, 1536, 432}})},
      {"proxylessnas-cpu", "Cai et al. 2019",
       proxyless(224, 40, 1432,
                 {{3, 1, 40, 24},   {3, 2, 144, 32},  {3, 1, 96, 32},   {3, 1, 96, 32},   {3, 1, 96, 32},
                  {3, 2, 192, 48},  {3, 1, 144, 48},  {3, 1, 144, 48},  {5, 1, 144, 48},  {3, 2, 288, 88},
                  {3, 1, 264, 88},  {5, 1, 528, 104}, {3, 1, 312, 104}, {3, 1, 312, 104}, {3, 1, 312, 104},
                  {5, 2, 624, 216}, {5, 1, 648, 216}, {5, 1, 648, 216}, {3, 1, 648, 216}, {5, 1, 1296, 360}})},
      {"proxylessnas-mobile", "Cai et al. 2019, figure 4",
       proxyless(224, 32, 1280,
                 {{3, 1, 32, 16},   {5, 2, 48, 32},    {3, 1, 96, 32},   {7, 2, 96, 40},   {3, 1, 120, 40},
                  {5, 1, 120, 40},  {5, 1, 120, 40},   {7, 2, 240, 80},  {5, 1, 240, 80},  {5, 1, 240, 80},
                  {5, 1, 240, 80},  {5, 1, 480, 96},   {5, 1, 288, 96},  {5, 1, 288, 96},  {5, 1, 288, 96},
                  {7, 2, 576, 192}, {7, 1, 1152, 192}, {7, 1, 576, 192}, {7, 1, 576, 192}, {7, 1, 1152, 320}})},
      {"ofa-1080ti-27", "Cai et al. 2020; HELP Table 5, OFA + layer-wise on Titan RTX",
       proxyless(188, 40, 1664,
                 {{3, 1, 40, 24},
                  {3, 2, 72, 32},
                  {3, 1, 96, 32},
                  {3, 2, 192, 56},
                  {5, 1, 336, 56},
                  {3, 1, 224, 56},
                  {3, 1, 224, 56},
                  {5, 2, 336, 104},
                  {3, 1, 312, 104},
                  {5, 1, 416, 104},
                  {5, 1, 624, 128},
                  {3, 1, 512, 128},
                  {5, 1, 512, 128},
                  {3, 2, 768, 248},
                  {5, 1, 1488, 248},
                  {7, 1, 744, 248},
                  {3, 1, 1488, 248},
                  {7, 1, 1488, 416}})},
      {"ofa-cpu-15", "Cai et al. 2020; HELP Table 5, OFA + layer-wise on Xeon",
       proxyless(188, 40, 1664,
                 {{3, 1, 40, 24},
                  {3, 2, 72, 32},
                  {3, 1, 96, 32},
                  {3, 2, 128, 56},
                  {3, 1, 336, 56},
                  {7, 2, 336, 104},
                  {3, 1, 416, 104},
                  {5, 1, 416, 128},
                  {3, 1, 768, 128},
                  {3, 1, 768, 128},
                  {5, 2, 768, 248},
                  {3, 1, 744, 248},
                  {7, 1, 1488, 416}})},
      {"ofa-tx2-96", "Cai et al. 2020; HELP Table 5, OFA + layer-wise on Jetson",
       proxyless(172, 40, 1664,
                 {{3, 1, 40, 24},
                  {3, 2, 72, 32},
                  {3, 1, 128, 32},
                  {3, 1, 192, 32},
                  {7, 2, 96, 56},
                  {5, 1, 224, 56},
                  {3, 2, 224, 104},
                  {5, 1, 416, 104},
                  {5, 1, 416, 104},
                  {5, 1, 312, 104},
                  {5, 1, 416, 128},
                  {7, 1, 384, 128},
                  {7, 1, 384, 128},
                  {3, 1, 768, 128},
                  {3, 2, 768, 248},
                  {3, 1, 1488, 248},
                  {5, 1, 1488, 248},
                  {3, 1, 992, 248},
                  {5, 1, 744, 416}})},
  };
}

// search-spaces.md 7.3: found by HELP's searches (device and limit in the name), and released by Once-for-All.
std::vector<Named> ofa_networks() {
  const std::string help = "HELP 4.3", ofa = "Cai et al. 2020";
  return {
      {"help-gold6226-147ms", help, OfaNetwork{1.2, "r=224 k=33..,33..,77..,375.,335. e=33..,64..,64..,644.,666."}},
      {"help-gold6226-171ms", help, OfaNetwork{1.2, "r=224 k=33..,57..,573.,375.,335. e=34..,64..,664.,644.,666."}},
      {"help-titanrtx64-20ms", help, OfaNetwork{1.2, "r=176 k=53..,333.,775.,553.,333. e=33..,664.,443.,644.,664."}},
      {"help-titanrtx64-23ms", help, OfaNetwork{1.2, "r=192 k=53..,333.,5353,753.,3333 e=33..,444.,4433,644.,6643"}},
      {"help-titanrtx64-29ms", help, OfaNetwork{1.2, "r=208 k=53..,333.,5333,7535,333. e=33..,444.,4436,4444,666."}},
      {"help-jetson16-67ms", help, OfaNetwork{1.2, "r=176 k=33..,37..,3535,373.,753. e=34..,34..,3644,646.,666."}},
      {"help-jetson16-76ms", help, OfaNetwork{1.2, "r=192 k=33..,37..,373.,533.,7553 e=33..,46..,633.,666.,4663"}},
      {"ofa-389M", ofa, OfaNetwork{1.2, "r=224 k=33..,553.,553.,5533,3373 e=33..,363.,443.,6444,6663"}},
      {"ofa-482M", ofa, OfaNetwork{1.2, "r=224 k=533.,5353,5533,5735,7333 e=333.,4443,4633,6664,6663"}},
      {"ofa-595M", ofa, OfaNetwork{1.2, "r=236 k=353.,5535,7535,3573,3353 e=343.,4463,6634,6664,6663"}},
      {"ofa-note10-64", ofa, OfaNetwork{1.2, "r=260 k=333.,5335,5537,5333,3353 e=363.,4633,6644,6664,6663"}},
      {"ofa-note10-50", ofa, OfaNetwork{1.2, "r=220 k=533.,5335,7735,7533,333. e=366.,4663,6644,6666,666."}},
      {"ofa-pixel1-79", ofa, OfaNetwork{1.2, "r=224 k=33..,53..,753.,5333,3333 e=33..,34..,443.,6443,6663"}},
      {"ofa-lg-24", ofa, OfaNetwork{1.0, "r=220 k=33..,753.,555.,375.,5733 e=33..,433.,643.,443.,6664"}},
      {"ofa-note8-65", ofa, OfaNetwork{1.0, "r=204 k=73..,353.,733.,533.,5553 e=33..,443.,664.,664.,6443"}},
      {"ofa-s7edge-88", ofa, OfaNetwork{1.0, "r=192 k=53..,533.,755.,5535,3733 e=34..,664.,463.,6644,6664"}},
      {"ofa-pixel2-62", ofa, OfaNetwork{1.0, "r=208 k=33..,753.,555.,375.,5733 e=33..,433.,643.,443.,6664"}},
      {"ofa-note8-22", ofa, OfaNetwork{1.0, "r=140 k=33..,55..,73..,53..,37.. e=33..,33..,43..,34..,66.."}},
      {"ofa-lg-8", ofa, OfaNetwork{1.0, "r=144 k=33..,55..,533.,37..,37.. e=33..,43..,333.,64..,64.."}},
      {"ofa-note10-08", ofa, OfaNetwork{1.0, "r=160 k=33..,33..,333.,33..,35.. e=33..,34..,433.,34..,44.."}},
  };
}

TensorId chain_head(NetworkBuilder& net, TensorId x, const Chain& chain, ActivationKind activation) {
  const BlockScope block(net, "head");
  const NameScope scope(net, "head");
  x = conv_bn_act(net, x, {.out = chain.head, .activation = activation, .bias = chain.bias, .epsilon = chain.epsilon},
                  "conv");
  x = net.global_average_pool(x);
  if (chain.hidden > 0) x = net.activation(net.linear(x, chain.hidden, "hidden"), activation, "hidden.activation");
  return net.linear(x, 1000);
}

Network build(const std::string& title, const Chain& chain) {
  NetworkBuilder net(title, Shape{{1, 3, chain.resolution, chain.resolution}});
  const auto outer = chain.hswish_from < chain.rows.size() ? ActivationKind::hswish : chain.activation;
  TensorId x = net.input();
  {
    const BlockScope block(net, "stem");
    const ConvBlock stem{
        .out = chain.stem, .kernel = 3, .stride = 2, .activation = outer, .bias = chain.bias, .epsilon = chain.epsilon};
    x = conv_bn_act(net, x, stem, "stem");
  }
  for (std::size_t i = 0; i < chain.rows.size(); ++i) {
    const Row& row = chain.rows[i];
    const BlockScope block(net, fmt::format("mbconv_k{}", row.kernel));
    const NameScope scope(net, fmt::format("block{}", i + 1));
    x = mbconv(net, x,
               {.mid = row.mid,
                .out = row.out,
                .kernel = row.kernel,
                .stride = row.stride,
                .activation = i >= chain.hswish_from ? ActivationKind::hswish : chain.activation,
                .squeeze_excite = {.width = row.squeeze, .gate = chain.gate},
                .expand = row.mid != net.shape(x).channels(),
                .groups = row.groups,
                .bias = chain.bias,
                .epsilon = chain.epsilon});
  }
  return net.build(chain_head(net, x, chain, outer));
}

Network build(const std::string& title, const OfaNetwork& ofa) {
  constexpr std::int64_t kMostResolution = 260;  // of those published
  const auto space = make_mobilenetv3("mobilenetv3", ofa.width, kMostResolution);
  Network network = space->network(space->parse(ofa.text));
  network.name = title;
  return network;
}

class Zoo final : public SearchSpace {
 public:
  Zoo() : networks_(chains()) {
    for (Named& network : ofa_networks()) networks_.push_back(std::move(network));
    std::vector<std::string> names;
    for (const Named& network : networks_) names.push_back(network.name);
    decisions_.push_back({"network", std::move(names)});
  }

  [[nodiscard]] std::string name() const override { return "zoo"; }
  [[nodiscard]] std::string summary() const override {
    return fmt::format("{} named networks: MobileNetV3-Large, MnasNet, FBNet, ProxylessNAS, Once-for-All, HELP's",
                       networks_.size());
  }
  [[nodiscard]] const std::vector<Decision>& decisions() const override { return decisions_; }

  [[nodiscard]] std::string format(const Architecture& architecture) const override {
    return networks_.at(architecture.choices.at(0)).name;
  }
  [[nodiscard]] Architecture parse(std::string_view text) const override {
    std::size_t index = networks_.size();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (end == text.data() + text.size() && index < networks_.size()) return at(index);
    for (std::size_t i = 0; i < networks_.size(); ++i) {
      if (networks_[i].name == text) return at(i);
    }
    throw ConfigError(
        fmt::format("zoo: network: got '{}', wanted one of {}", text, fmt::join(decisions_[0].options, ", ")));
  }

  [[nodiscard]] Network network(const Architecture& architecture) const override {
    const Named& named = networks_.at(architecture.choices.at(0));
    const std::string title = fmt::format("zoo {} ({})", named.name, named.source);
    return std::visit([&](const auto& definition) { return build(title, definition); }, named.definition);
  }

  /// One flag per network: named networks have nothing in common that a predictor could learn from.
  [[nodiscard]] Encoding encode(const Architecture& architecture) const override {
    Encoding encoding{1, static_cast<int>(networks_.size()), std::vector<float>(networks_.size()), {}};
    encoding.x.at(architecture.choices.at(0)) = 1;
    return encoding;
  }

  [[nodiscard]] std::optional<std::uint64_t> size() const override { return networks_.size(); }
  [[nodiscard]] Architecture at(std::uint64_t index) const override { return {{static_cast<std::uint8_t>(index)}}; }
  [[nodiscard]] std::optional<std::uint64_t> index_of(const Architecture& architecture) const override {
    return architecture.choices.at(0);
  }

  /// Ours, since HELP has no embedding of named networks: the first ten.
  [[nodiscard]] std::vector<Architecture> references() const override {
    std::vector<Architecture> list;
    for (std::uint64_t i = 0; i < 10; ++i) list.push_back(at(i));
    return list;
  }

 private:
  std::vector<Named> networks_;
  std::vector<Decision> decisions_;
};

}  // namespace

std::unique_ptr<SearchSpace> make_zoo() { return std::make_unique<Zoo>(); }

}  // namespace naslat
