#include "spaces/hat.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "measure/backends/onednn/onednn.hpp"
#include "measure/backends/reference/operations.hpp"
#include "measure/backends/reference/reference.hpp"
#include "measure/weights.hpp"
#include "tests/random_networks.hpp"

// The incremental decoder, with its caches and its views, against a Transformer that computes the whole target sentence
// at once under a causal mask. The latter knows nothing of Network: it reads the architecture's text and the weights.

namespace naslat {
namespace {

using reference::Values;
using test::relative_error;

constexpr std::int64_t kWidth = 512;

/// Numbers of an architecture's text, in order: E, 6 × (ffn, heads), D, n × (ffn, self, cross, attended).
std::vector<std::int64_t> numbers_of(const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) continue;
    std::size_t used = 0;
    numbers.push_back(std::stoll(text.substr(i), &used));
    i += used;
  }
  return numbers;
}

class FullForward {
 public:
  FullForward(const Network& network, const HatForm& form) : network_(network), form_(form) {
    for (const Layer& layer : network.layers) layers_.try_emplace(layer.weights_name(), &layer);
  }

  /// Logits of the last target token.
  std::vector<float> logits(const std::vector<std::int64_t>& numbers) {
    const std::vector<float> tokens = network_input(network_);
    std::size_t at = 0;
    const std::int64_t encoder_width = numbers[at++];
    Values x = embed(tokens, form_.source_tokens, encoder_width);
    std::vector<Values> memory;
    for (int i = 1; i <= 6; ++i) {
      const std::string name = "encoder.layer" + std::to_string(i);
      const std::int64_t ffn = numbers[at++], heads = numbers[at++];
      x = self_attention(name, x, encoder_width, heads, false);
      x = feed_forward(name, x, encoder_width, ffn);
      memory.insert(memory.begin(), x);
    }
    const std::int64_t width = numbers[at++];
    x = embed(tokens, form_.target_tokens, width);
    for (int i = 1; at < numbers.size(); ++i) {
      const std::string name = "decoder.layer" + std::to_string(i);
      const std::int64_t ffn = numbers[at++], self = numbers[at++], cross = numbers[at++], attended = numbers[at++];
      x = self_attention(name, x, width, self, true);
      Values joined;
      for (std::int64_t m = 0; m < attended; ++m) {
        joined.insert(joined.end(), memory[static_cast<std::size_t>(m)].begin(),
                      memory[static_cast<std::size_t>(m)].end());
      }
      const Values q = linear(name + ".cross.queries", x, width, kWidth);
      const Values k = linear(name + ".cross.keys", joined, encoder_width, kWidth);
      const Values v = linear(name + ".cross.values", joined, encoder_width, kWidth);
      x = attend(name + ".cross", x, q, k, v, width, cross, false);
      x = feed_forward(name, x, width, ffn);
    }
    const Values last(x.end() - width, x.end());
    const Values logits = linear("decoder.projection", last, width, form_.vocabulary);
    return {logits.begin(), logits.end()};
  }

 private:
  Values embed(const std::vector<float>& tokens, std::int64_t count, std::int64_t width) const {
    const std::vector<float> table = embedding_table("embedding", form_.vocabulary, 640);
    Values rows;
    for (std::int64_t t = 0; t < count; ++t) {
      const auto token = static_cast<std::int64_t>(tokens[static_cast<std::size_t>(t)]);
      for (std::int64_t c = 0; c < width; ++c) {
        const double angle = static_cast<double>(2 + t) * std::pow(10000.0, -static_cast<double>(c % 320) / 319);
        rows.push_back(std::sqrt(static_cast<double>(width)) * table[static_cast<std::size_t>(token * 640 + c)] +
                       (c < 320 ? std::sin(angle) : std::cos(angle)));
      }
    }
    return rows;
  }

  Values linear(const std::string& name, const Values& x, std::int64_t in, std::int64_t out) const {
    const Layer& layer = *layers_.at(name);
    const std::vector<float> kernel = linear_kernel(network_, layer), bias = linear_bias(network_, layer);
    const std::int64_t rows = static_cast<std::int64_t>(x.size()) / in;
    Values y(static_cast<std::size_t>(rows * out));
    reference::linear({.out_features = out}, Shape{{1, rows, in}}, x, kernel, bias, y);
    return y;
  }

  Values normalised(const std::string& name, const Values& x, std::int64_t width) const {
    const LayerNormWeights weights = layer_norm_weights(name, width);
    Values y(x.size());
    reference::layer_norm({}, Shape{{static_cast<std::int64_t>(x.size()) / width, width}}, x,
                          {weights.scale.begin(), weights.scale.end()}, {weights.shift.begin(), weights.shift.end()},
                          y);
    return y;
  }

  Values feed_forward(const std::string& name, const Values& x, std::int64_t width, std::int64_t hidden) const {
    Values y = linear(name + ".ffn.in", x, width, hidden);
    for (double& value : y) value = std::max(value, 0.0);
    y = linear(name + ".ffn.out", y, hidden, width);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += x[i];
    return normalised(name + ".ffn.ln", y, width);
  }

  Values self_attention(const std::string& name, const Values& x, std::int64_t width, std::int64_t heads,
                        bool causal) const {
    const Values all = linear(name + ".self.qkv", x, width, 3 * kWidth);
    Values parts[3];
    for (std::size_t i = 0; i < all.size(); ++i) parts[i / kWidth % 3].push_back(all[i]);
    return attend(name + ".self", x, parts[0], parts[1], parts[2], width, heads, causal);
  }

  Values attend(const std::string& name, const Values& x, const Values& q, const Values& k, const Values& v,
                std::int64_t width, std::int64_t heads, bool causal) const {
    const std::int64_t part = kWidth / heads, tokens = static_cast<std::int64_t>(q.size()) / kWidth,
                       length = static_cast<std::int64_t>(k.size()) / kWidth;
    Values context(q.size());
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t t = 0; t < tokens; ++t) {
        const std::int64_t seen = causal ? t + 1 : length;
        std::vector<double> weight(static_cast<std::size_t>(seen));
        double sum = 0;
        for (std::int64_t l = 0; l < seen; ++l) {
          double product = 0;
          for (std::int64_t c = h * part; c < (h + 1) * part; ++c) {
            product += q[static_cast<std::size_t>(t * kWidth + c)] * k[static_cast<std::size_t>(l * kWidth + c)];
          }
          sum += weight[static_cast<std::size_t>(l)] = std::exp(product / std::sqrt(static_cast<double>(part)));
        }
        for (std::int64_t l = 0; l < seen; ++l) {
          for (std::int64_t c = h * part; c < (h + 1) * part; ++c) {
            context[static_cast<std::size_t>(t * kWidth + c)] +=
                weight[static_cast<std::size_t>(l)] / sum * v[static_cast<std::size_t>(l * kWidth + c)];
          }
        }
      }
    }
    Values y = linear(name + ".out", context, kWidth, width);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += x[i];
    return normalised(name + ".ln", y, width);
  }

  const Network& network_;
  const HatForm& form_;
  std::map<std::string, const Layer*> layers_;
};

/// The real widths and choices; the vocabulary, which only the projection sees, is small.
HatForm test_form(std::int64_t tokens) {
  HatForm form = kHatWmt14EnDeDataset;
  form.source_tokens = form.target_tokens = tokens;
  form.vocabulary = 200;
  return form;
}

void expect_full_forward(const SearchSpace& space, const HatForm& form, const Architecture& architecture,
                         std::initializer_list<GraphMode> modes) {
  SCOPED_TRACE(space.format(architecture));
  const Network network = space.network(architecture);
  const std::vector<float> expected = FullForward(network, form).logits(numbers_of(space.format(architecture)));
  for (const GraphMode mode : modes) {
    SCOPED_TRACE(to_string(mode));
    const Device device{.backend = "onednn", .hardware = "", .isa = "", .threads = 1, .mode = mode};
    const auto executable = backend("onednn").compile(network, device);
    executable->run();
    const std::vector<float> rows = executable->output();  // equal for all rows of the beam
    ASSERT_EQ(rows.size(), expected.size() * static_cast<std::size_t>(form.beam));
    for (std::int64_t row = 0; row < form.beam; ++row) {
      const auto first = rows.begin() + row * form.vocabulary;
      EXPECT_LE(relative_error({first, first + form.vocabulary}, expected), 1e-4) << "row " << row;
    }
  }
}

TEST(HatDecoding, IncrementalStepsEqualAFullForwardOver100Architectures) {
  const HatForm form = test_form(6);
  const auto space = make_hat("hat", form);
  Rng rng(11);
  for (int i = 0; i < 94; ++i) {
    const Architecture architecture = sample(*space, rng);
    expect_full_forward(*space, form, architecture, {GraphMode::eager, GraphMode::fused});
  }
}

TEST(HatDecoding, HoldsAfter30StepsInEveryMode) {
  const HatForm form = test_form(30);
  const auto space = make_hat("hat", form);
  Rng rng(12);
  for (int i = 0; i < 6; ++i) {
    expect_full_forward(*space, form, sample(*space, rng), {GraphMode::eager, GraphMode::fused, GraphMode::pruned});
  }
}

TEST(HatDecoding, TheReferenceBackendAgreesToo) {
  const HatForm form = test_form(5);
  const auto space = make_hat("hat", form);
  Rng rng(13);
  const Architecture architecture = sample(*space, rng);
  const Network network = space->network(architecture);
  const std::vector<float> rows = reference_output(network);
  const std::vector<float> expected = FullForward(network, form).logits(numbers_of(space->format(architecture)));
  EXPECT_LE(relative_error({rows.begin(), rows.begin() + form.vocabulary}, expected), 1e-5);
}

}  // namespace
}  // namespace naslat
