#include "spaces/hat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "configs/errors.hpp"
#include "spaces/blocks.hpp"

namespace naslat {

namespace {

constexpr std::int64_t kAttentionWidth = 512;  // of queries, keys and values, whatever the embeddings are
constexpr std::int64_t kTableWidth = 640;      // the super-Transformer's embedding, cut to the width chosen
constexpr const char* kTable = "embedding";
constexpr std::size_t kEncoderLayers = 6, kMostDecoderLayers = 6;
const std::vector<std::int64_t> kWidths = {640, 512};

struct EncoderLayer {
  std::int64_t ffn, heads;
};
struct DecoderLayer {
  std::int64_t ffn, self_heads, cross_heads;
  std::int64_t attended;  ///< how many of the encoder's last layers: 1, 2, 3 for HAT's -1, 1, 2
};
/// An architecture in numbers.
struct Transformer {
  std::int64_t encoder_width, decoder_width;
  std::vector<EncoderLayer> encoder;
  std::vector<DecoderLayer> decoder;
};

// Ours, since HELP publishes none: networks that HAT's and HELP's searches found, spread over the latency range
// (search-spaces.md 7.4).
constexpr std::array<const char*, 10> kReferences = {
    "e=512 1024/4,3072/8,3072/4,2048/4,2048/4,2048/8 d=512 3072/8/8/1",
    "e=512 3072/8,2048/8,3072/8,2048/4,3072/8,2048/8 d=512 1024/4/8/1,2048/4/8/1",
    "e=512 3072/4,3072/8,3072/8,3072/4,3072/8,3072/8 d=512 3072/8/8/1,3072/8/8/2",
    "e=512 3072/8,3072/8,3072/8,2048/8,3072/8,3072/4 d=512 1024/4/4/1,2048/8/8/2,3072/8/8/1",
    "e=512 3072/4,3072/4,3072/4,3072/8,3072/8,3072/4 d=512 2048/4/4/1,2048/8/8/1,3072/8/8/2,3072/4/8/1",
    "e=512 3072/8,3072/4,3072/8,3072/8,3072/8,3072/8 d=512 2048/8/4/1,2048/8/8/2,3072/8/8/2,3072/4/8/2,2048/8/8/1",
    "e=640 3072/4,3072/8,3072/8,3072/8,3072/4,3072/4 d=640 3072/8/4/1,3072/8/8/2,3072/8/8/2",
    "e=512 3072/8,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 2048/8/4/1,2048/8/8/2,3072/8/8/2,3072/4/8/2,3072/8/8/1",
    "e=512 3072/4,3072/4,3072/8,3072/8,3072/8,3072/4 d=512 "
    "3072/4/4/1,3072/8/8/2,3072/8/8/2,3072/4/8/2,3072/4/8/1,3072/4/8/1",
    "e=512 3072/4,3072/8,3072/4,2048/8,3072/8,3072/8 d=512 3072/8/8/2,3072/8/8/2"};

/// Builds one run: the encoder, then the decoder step by step.
class Workload {
 public:
  Workload(const std::string& name, const HatForm& form, const Transformer& transformer)
      : form_(form), transformer_(transformer), net_(name, Shape{{1, form.source_tokens}}) {}

  Network build() {
    encode();
    prepare_memory();
    std::vector<TensorId> logits;
    for (std::int64_t t = 0; t < form_.target_tokens; ++t) logits.push_back(step(t));
    const TensorId last = logits.back();
    logits.pop_back();
    return net_.build(last, std::move(logits));
  }

 private:
  /// Self-attention: queries, keys and values by one projection; what keys and values there are already come first.
  struct Cache {
    std::optional<TensorId> keys, values;
  };
  TensorId self_attention(TensorId x, std::int64_t heads, Cache* cache = nullptr) {
    const NameScope scope(net_, "self");
    const TensorId all = net_.linear(x, 3 * kAttentionWidth, "qkv");
    const TensorId queries = net_.slice(all, 0, kAttentionWidth, "queries");
    TensorId keys = net_.slice(all, kAttentionWidth, kAttentionWidth, "keys");
    TensorId values = net_.slice(all, 2 * kAttentionWidth, kAttentionWidth, "values");
    if (cache != nullptr) {
      if (cache->keys) keys = net_.concat(*cache->keys, keys, "keys.cache");
      if (cache->values) values = net_.concat(*cache->values, values, "values.cache");
      *cache = {keys, values};
    }
    return attention(net_, x, queries, keys, values, heads);
  }

  void encode() {
    const NameScope scope(net_, "encoder");
    TensorId x = embed(transformer_.encoder_width, 0, form_.source_tokens, 1);
    for (std::size_t i = 0; i < transformer_.encoder.size(); ++i) {
      const EncoderLayer& layer = transformer_.encoder[i];
      const NameScope layer_scope(net_, fmt::format("layer{}", i + 1));
      const BlockScope block(net_, fmt::format("encoder_f{}_h{}", layer.ffn, layer.heads));
      x = feed_forward(net_, self_attention(x, layer.heads), layer.ffn);
      encoded_.insert(encoded_.begin(), x);  // the last layer first
    }
  }

  TensorId embed(std::int64_t width, std::int64_t first, std::int64_t tokens, std::int64_t repeats) {
    const BlockScope block(net_, "embedding");
    return net_.embedding(net_.input(), {.table = kTable,
                                         .vocabulary = form_.vocabulary,
                                         .width = width,
                                         .table_width = kTableWidth,
                                         .first_token = first,
                                         .tokens = tokens,
                                         .repeats = repeats});
  }

  /// What the decoder's layers attend to: the encoder's last one, two or three layers joined along time, for each row
  /// of the beam; and their keys and values, computed once.
  void prepare_memory() {
    const NameScope scope(net_, "decoder");
    std::map<std::int64_t, TensorId> memory;  // by number of layers
    for (std::size_t i = 0; i < transformer_.decoder.size(); ++i) {
      const NameScope layer_scope(net_, fmt::format("layer{}.cross", i + 1));
      const BlockScope block(net_, fmt::format("memory_a{}", transformer_.decoder[i].attended));
      const TensorId x = joined(transformer_.decoder[i].attended, memory);
      memory_keys_.push_back(net_.linear(x, kAttentionWidth, "keys"));
      memory_values_.push_back(net_.linear(x, kAttentionWidth, "values"));
    }
    caches_.resize(transformer_.decoder.size());
  }

  TensorId joined(std::int64_t layers, std::map<std::int64_t, TensorId>& memory) {
    if (const auto known = memory.find(layers); known != memory.end()) return known->second;
    const TensorId rows =
        net_.repeat(encoded_.at(static_cast<std::size_t>(layers - 1)), form_.beam, fmt::format("repeat{}", layers));
    return memory[layers] =
               layers == 1 ? rows : net_.concat(joined(layers - 1, memory), rows, fmt::format("join{}", layers));
  }

  /// One token of each row of the beam; its logits.
  TensorId step(std::int64_t t) {
    const NameScope scope(net_, "decoder");
    const StepScope step_scope(net_, fmt::format("step{}", t + 1));
    TensorId x = embed(transformer_.decoder_width, t, 1, form_.beam);
    for (std::size_t i = 0; i < transformer_.decoder.size(); ++i) x = decoder_layer(x, i);
    const BlockScope block(net_, "projection");
    return net_.linear(
        x, Linear{.out_features = form_.vocabulary, .bias = false, .tied_to = kTable, .table_width = kTableWidth},
        "projection");
  }

  TensorId decoder_layer(TensorId x, std::size_t i) {
    const DecoderLayer& layer = transformer_.decoder[i];
    const NameScope scope(net_, fmt::format("layer{}", i + 1));
    const BlockScope block(
        net_, fmt::format("decoder_f{}_h{}_x{}_a{}", layer.ffn, layer.self_heads, layer.cross_heads, layer.attended));
    x = self_attention(x, layer.self_heads, &caches_[i]);
    {
      const NameScope cross(net_, "cross");
      const TensorId queries = net_.linear(x, kAttentionWidth, "queries");
      x = attention(net_, x, queries, memory_keys_[i], memory_values_[i], layer.cross_heads);
    }
    return feed_forward(net_, x, layer.ffn);
  }

  const HatForm& form_;
  const Transformer& transformer_;
  NetworkBuilder net_;
  std::vector<TensorId> encoded_;  // outputs of the encoder's layers, the last one first
  std::vector<TensorId> memory_keys_, memory_values_;
  std::vector<Cache> caches_;
};

class Hat final : public SearchSpace {
 public:
  Hat(std::string name, const HatForm& form) : name_(std::move(name)), form_(form) {
    const auto add = [&](const std::string& decision, const std::vector<std::int64_t>& values) {
      std::vector<std::string> options;
      for (const std::int64_t value : values) options.push_back(fmt::format("{}", value));
      decisions_.push_back({decision, std::move(options)});
      values_.push_back(values);
    };
    add("encoder embedding", kWidths);
    for (std::size_t i = 1; i <= kEncoderLayers; ++i) {
      add(fmt::format("encoder {} ffn", i), form_.ffn_widths);
      add(fmt::format("encoder {} heads", i), form_.heads);
    }
    add("decoder embedding", kWidths);
    add("decoder layers", {6, 5, 4, 3, 2, 1});
    for (std::size_t i = 1; i <= kMostDecoderLayers; ++i) {
      add(fmt::format("decoder {} ffn", i), form_.ffn_widths);
      add(fmt::format("decoder {} self heads", i), form_.heads);
      add(fmt::format("decoder {} cross heads", i), form_.heads);
      add(fmt::format("decoder {} attended", i), {1, 2, 3});
    }
  }

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string summary() const override {
    return fmt::format("HAT, WMT'14 En-De Transformers with {} FFN widths and {} head counts; {} tokens, beam {}",
                       form_.ffn_widths.size(), form_.heads.size(), form_.source_tokens, form_.beam);
  }
  [[nodiscard]] const std::vector<Decision>& decisions() const override { return decisions_; }

  /// Choices of decoder layers that do not exist have no effect: the first of each.
  [[nodiscard]] Architecture canonical(const Architecture& architecture) const override {
    Architecture same = architecture;
    const std::size_t used = kFirstDecoderLayer + 4 * static_cast<std::size_t>(value(same, kDecoderLayers));
    std::fill(same.choices.begin() + static_cast<std::ptrdiff_t>(used), same.choices.end(), std::uint8_t{0});
    return same;
  }

  /// "e=512 3072/8,… d=512 3072/8/8/2,…": encoder layers as FFN width/heads, decoder layers as FFN width/heads/
  /// encoder-decoder heads/attended encoder layers.
  [[nodiscard]] std::string format(const Architecture& architecture) const override {
    const Transformer t = transformer(architecture);
    std::string text = fmt::format("e={}", t.encoder_width);
    for (std::size_t i = 0; i < t.encoder.size(); ++i) {
      text += fmt::format("{}{}/{}", i == 0 ? ' ' : ',', t.encoder[i].ffn, t.encoder[i].heads);
    }
    text += fmt::format(" d={}", t.decoder_width);
    for (std::size_t i = 0; i < t.decoder.size(); ++i) {
      const DecoderLayer& layer = t.decoder[i];
      text += fmt::format("{}{}/{}/{}/{}", i == 0 ? ' ' : ',', layer.ffn, layer.self_heads, layer.cross_heads,
                          layer.attended);
    }
    return text;
  }

  [[nodiscard]] Architecture parse(std::string_view text) const override;

  [[nodiscard]] Network network(const Architecture& architecture) const override {
    const Transformer described = transformer(architecture);
    return Workload(name_ + " " + format(architecture), form_, described).build();
  }

  [[nodiscard]] Encoding encode(const Architecture& architecture) const override;

  [[nodiscard]] std::vector<Architecture> references() const override {
    std::vector<Architecture> list;
    for (const char* const text : kReferences) list.push_back(parse(text));
    return list;
  }

 private:
  // Positions among the choices.
  static constexpr std::size_t kEncoderWidth = 0, kFirstEncoderLayer = 1,
                               kDecoderWidth = kFirstEncoderLayer + 2 * kEncoderLayers,
                               kDecoderLayers = kDecoderWidth + 1, kFirstDecoderLayer = kDecoderLayers + 1;

  [[nodiscard]] std::int64_t value(const Architecture& architecture, std::size_t decision) const {
    return values_[decision].at(architecture.choices.at(decision));
  }

  [[nodiscard]] Transformer transformer(const Architecture& a) const {
    Transformer t{value(a, kEncoderWidth), value(a, kDecoderWidth), {}, {}};
    for (std::size_t i = 0; i < kEncoderLayers; ++i) {
      const std::size_t first = kFirstEncoderLayer + 2 * i;
      t.encoder.push_back({value(a, first), value(a, first + 1)});
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(value(a, kDecoderLayers)); ++i) {
      const std::size_t first = kFirstDecoderLayer + 4 * i;
      t.decoder.push_back({value(a, first), value(a, first + 1), value(a, first + 2), value(a, first + 3)});
    }
    return t;
  }

  std::string name_;
  HatForm form_;
  std::vector<Decision> decisions_;
  std::vector<std::vector<std::int64_t>> values_;  ///< by decision, what its options mean
};

Architecture Hat::parse(std::string_view text) const {
  const auto refuse = [&](std::size_t at, const std::string& wanted) {
    throw ConfigError(fmt::format("{}: architecture '{}': wanted {} at character {}, as in {}", name_,
                                  text.substr(0, 160), wanted, at + 1, kReferences[0]));
  };
  Architecture architecture{std::vector<std::uint8_t>(decisions_.size())};
  std::size_t at = 0;
  const auto expect = [&](std::string_view token) {
    if (!text.substr(at).starts_with(token)) refuse(at, fmt::format("'{}'", token));
    at += token.size();
  };
  const auto choose = [&](std::size_t decision) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
    const auto& known = values_[decision];
    const auto found = std::find(known.begin(), known.end(), number);
    if (error != std::errc{} || found == known.end()) {
      refuse(at, fmt::format("{}: one of {}", decisions_[decision].name, fmt::join(known, ", ")));
    }
    architecture.choices[decision] = static_cast<std::uint8_t>(found - known.begin());
    at = static_cast<std::size_t>(end - text.data());
  };
  const auto layer = [&](std::size_t first, std::size_t choices, bool is_first) {
    expect(is_first ? " " : ",");
    for (std::size_t i = 0; i < choices; ++i) {
      if (i > 0) expect("/");
      choose(first + i);
    }
  };
  expect("e=");
  choose(kEncoderWidth);
  for (std::size_t i = 0; i < kEncoderLayers; ++i) layer(kFirstEncoderLayer + 2 * i, 2, i == 0);
  expect(" d=");
  choose(kDecoderWidth);
  std::size_t layers = 0;
  do {
    layer(kFirstDecoderLayer + 4 * layers, 4, layers == 0);
    ++layers;
  } while (at < text.size() && layers < kMostDecoderLayers);
  if (at < text.size()) refuse(at, "at most six decoder layers");
  architecture.choices[kDecoderLayers] = static_cast<std::uint8_t>(kMostDecoderLayers - layers);
  return architecture;
}

/// The ten features of HAT's own predictor, scaled as HAT does (search-spaces.md 5.4).
Encoding Hat::encode(const Architecture& architecture) const {
  const Transformer t = transformer(architecture);
  const auto mean = [](const auto& layers, auto part) {
    double sum = 0;
    for (const auto& layer : layers) sum += static_cast<double>(layer.*part);
    return sum / static_cast<double>(layers.size());
  };
  const std::array<double, 10> features = {
      static_cast<double>(t.encoder_width) / 640,      static_cast<double>(t.encoder.size()) / 6,
      mean(t.encoder, &EncoderLayer::ffn) / 2048,      mean(t.encoder, &EncoderLayer::heads) / 6,
      static_cast<double>(t.decoder_width) / 640,      static_cast<double>(t.decoder.size()) / 6,
      mean(t.decoder, &DecoderLayer::ffn) / 2048,      mean(t.decoder, &DecoderLayer::self_heads) / 6,
      mean(t.decoder, &DecoderLayer::cross_heads) / 6, mean(t.decoder, &DecoderLayer::attended) / 2};
  Encoding encoding{1, static_cast<int>(features.size()), {}, {}};
  for (const double feature : features) encoding.x.push_back(static_cast<float>(feature));
  return encoding;
}

}  // namespace

std::unique_ptr<SearchSpace> make_hat(const std::string& name, const HatForm& form) {
  return std::make_unique<Hat>(name, form);
}

}  // namespace naslat
