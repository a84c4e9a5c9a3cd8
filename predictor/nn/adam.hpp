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
    begin_step(parameters);
    for (std::size_t i = 0; i < parameters.size(); ++i) update(i, *parameters[i], gradients[i]);
  }

  /// The same in parts: update() once for each parameter, in any order and from any thread.
  void begin_step(const std::vector<Matrix<float>*>& parameters) {
    if (first_.empty()) {
      for (const Matrix<float>* const p : parameters) {
        first_.emplace_back(Matrix<float>::Zero(p->rows(), p->cols()));
        second_.emplace_back(Matrix<float>::Zero(p->rows(), p->cols()));
      }
    }
    ++steps_;
    step_ = static_cast<float>(rate_ / (1 - std::pow(kDecay1, steps_)));
    correction_ = static_cast<float>(1 / std::sqrt(1 - std::pow(kDecay2, steps_)));
  }
  void update(std::size_t i, Matrix<float>& parameter, const Matrix<float>& gradient) {
    constexpr float kEpsilon = 1e-8F;
    const auto g = gradient.array();
    first_[i].array() = float{0.9F} * first_[i].array() + float{0.1F} * g;
    second_[i].array() = float{0.999F} * second_[i].array() + float{0.001F} * g * g;
    parameter.array() -= step_ * first_[i].array() / (second_[i].array().sqrt() * correction_ + kEpsilon);
  }

 private:
  static constexpr double kDecay1 = 0.9, kDecay2 = 0.999;

  double rate_;
  int steps_ = 0;
  float step_ = 0, correction_ = 0;            // of this step
  std::vector<Matrix<float>> first_, second_;  // running means of gradients and their squares
};

}  // namespace naslat
