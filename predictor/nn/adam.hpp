#pragma once

#include <cmath>
#include <vector>

#include "predictor/autodiff/tape.hpp"

namespace naslat {

/// Adam (Kingma and Ba, ICLR 2015) with its default decay rates.
class Adam {
 public:
  explicit Adam(double rate) : rate_(rate) {}

  void set_rate(double rate) { rate_ = rate; }

  /// One update. @pre the same parameters in the same order every time
  void step(const std::vector<Matrix<float>*>& parameters, const std::vector<Matrix<float>>& gradients) {
    constexpr double kDecay1 = 0.9, kDecay2 = 0.999;
    constexpr float kEpsilon = 1e-8F;
    if (first_.empty()) {
      for (const Matrix<float>& g : gradients) {
        first_.emplace_back(Matrix<float>::Zero(g.rows(), g.cols()));
        second_.emplace_back(Matrix<float>::Zero(g.rows(), g.cols()));
      }
    }
    ++steps_;
    const auto step = static_cast<float>(rate_ / (1 - std::pow(kDecay1, steps_)));
    const auto correction = static_cast<float>(1 / std::sqrt(1 - std::pow(kDecay2, steps_)));
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const auto g = gradients[i].array();
      first_[i].array() = float{0.9F} * first_[i].array() + float{0.1F} * g;
      second_[i].array() = float{0.999F} * second_[i].array() + float{0.001F} * g * g;
      parameters[i]->array() -= step * first_[i].array() / (second_[i].array().sqrt() * correction + kEpsilon);
    }
  }

 private:
  double rate_;
  int steps_ = 0;
  std::vector<Matrix<float>> first_, second_;  // running means of gradients and their squares
};

}  // namespace naslat
