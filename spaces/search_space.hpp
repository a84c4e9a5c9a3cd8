#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spaces/architecture.hpp"
#include "spaces/encoding.hpp"
#include "spaces/network.hpp"
#include "spaces/random.hpp"

namespace naslat {

/// One choice a space offers, e.g. {"edge 0->1", {"none", "skip_connect", …}}.
struct Decision {
  std::string name;
  std::vector<std::string> options;
};

/// A set of architectures: how they are written, which network each one is, what a predictor sees of it.
class SearchSpace {
 public:
  virtual ~SearchSpace() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string summary() const = 0;  ///< one line for `naslat spaces`
  [[nodiscard]] virtual const std::vector<Decision>& decisions() const = 0;

  /// The representative of all choices that describe the same network, e.g. with choices that have no effect set to 0.
  [[nodiscard]] virtual Architecture canonical(const Architecture& architecture) const { return architecture; }

  /// The field's own text for an architecture; parse(format(a)) == a.
  [[nodiscard]] virtual std::string format(const Architecture& architecture) const = 0;
  /// Reads that text, or the decimal index of an architecture where the space has one. @throws ConfigError
  [[nodiscard]] virtual Architecture parse(std::string_view text) const = 0;

  /// The network for one image (batch 1), every operation as written.
  [[nodiscard]] virtual Network network(const Architecture& architecture) const = 0;
  [[nodiscard]] virtual Encoding encode(const Architecture& architecture) const = 0;

  /// Number of architectures that have a published index, or nothing where the space is too large to list.
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
  /// Architecture by published index. @pre index < size()
  [[nodiscard]] virtual Architecture at(std::uint64_t index) const;
  [[nodiscard]] virtual std::optional<std::uint64_t> index_of(const Architecture&) const { return std::nullopt; }

  /// The reference architectures of HELP A.4 in the fixed order of the hardware embedding.
  [[nodiscard]] virtual std::vector<Architecture> references() const = 0;
};

/// One uniform draw over all choices.
[[nodiscard]] Architecture sample(const SearchSpace& space, Rng& rng);

/// Each choice drawn anew with that probability; those that the parent does not use always. @pre it is canonical
[[nodiscard]] Architecture mutate(const SearchSpace& space, const Architecture& parent, double probability, Rng& rng);
/// Each choice from one of the two parents, drawn evenly; one that the parent does not use is drawn anew.
[[nodiscard]] Architecture crossover(const SearchSpace& space, const Architecture& a, const Architecture& b, Rng& rng);

/// Every space, in the order `naslat spaces` lists them.
[[nodiscard]] const std::vector<std::unique_ptr<SearchSpace>>& search_spaces();
/// @throws ConfigError naming the known spaces
[[nodiscard]] const SearchSpace& search_space(std::string_view name);
[[nodiscard]] bool is_search_space(std::string_view name);

}  // namespace naslat
