#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

namespace naslat {

/// Pseudo-random draws that are the same on every platform: the engine is specified by the C++ standard, and the
/// distributions, which are not, are ours.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : engine_(seed) {}

  /// Uniform over 0..bound-1, without bias. @pre bound > 0
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t draw = engine_();
    // Draws below 2^64 mod bound would favour small values; that is below bound, which spares most draws a division.
    while (draw < bound && draw < (0 - bound) % bound) draw = engine_();
    return draw % bound;
  }

  /// Uniform over [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }

  /// Standard normal by Box and Muller's polar-free form; two draws of the engine per call.
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

  /// Fisher–Yates.
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  /// `count` different numbers below `bound`, in drawn order. @pre count <= bound
  std::vector<std::uint64_t> distinct(std::uint64_t count, std::uint64_t bound);

  /// An independent stream for a sub-task, so that parallel work draws the same numbers in any order.
  Rng fork() { return Rng(engine_() ^ 0x9e3779b97f4a7c15ULL); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace naslat
