#pragma once

#include <cstdint>
#include <vector>

#include "measure/backends/cudnn/plan.hpp"

namespace naslat::cudnn::test {

/// Runs a plan on the processor, in f32 and one arena, with the arithmetic of our kernels and plain loops for the
/// library's convolutions and products: what a GPU would compute if everything below the plan were right.
class PlanInterpreter {
 public:
  PlanInterpreter(const Network& network, const Plan& plan);
  void run();
  /// Row-major, as backends return it.
  [[nodiscard]] std::vector<float> output() const;

 private:
  void execute(const std::vector<Step>& steps);
  [[nodiscard]] void* address(const Operand& operand);

  const Plan& plan_;
  ArenaPlan offsets_;
  std::vector<float> arena_;
  std::vector<std::vector<float>> constants_, weights_;  // by buffer, by weights
  std::vector<std::int32_t> tokens_;
};

}  // namespace naslat::cudnn::test
