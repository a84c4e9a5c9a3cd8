#include "tests/measure/plan_interpreter.hpp"

#include <cmath>

#include "measure/backends/cudnn/kernel_elements.hpp"
#include "tests/measure/call_loops.hpp"
#include "tests/measure/one_lane.hpp"

namespace naslat::cudnn::test {

namespace {

struct Executor {
  const Pointers& at;
  bool channels_last;

  template <typename Parameters>
  requires requires(Parameters p) { p.count; }
  void operator()(const Parameters& p) const {
    for (Index i = 0; i < p.count; ++i) static_cast<float*>(at.at[0])[i] = element<float>(p, at, i);
  }

  template <typename Parameters>
  requires requires(Parameters p) {
    p.rows;
  } &&(!requires(Parameters p) { p.out; }) void operator()(const Parameters& p) const {
    const auto put = [&](Index i, float x) { static_cast<float*>(at.at[0])[i] = x; };
    for (Index r = 0; r < p.rows; ++r) row<float>(p, at, r, OneLane{}, put);
  }

  void operator()(const MatmulCall& call) const { test::run(call, at); }
  void operator()(const ConvolutionCall& call) const { test::run(call, at, channels_last); }
};

}  // namespace

PlanInterpreter::PlanInterpreter(const Network& network, const Plan& plan)
    : plan_(plan), offsets_(plan_arena(plan, sizeof(float))), arena_(offsets_.bytes / sizeof(float), NAN) {
  for (const Buffer& buffer : plan.buffers) constants_.emplace_back(buffer.constant ? buffer.elements : 0, NAN);
  for (const Weights& weights : plan.weights) {
    weights_.push_back(weight_values(network, weights));
    if (weights.part == Weights::Part::tokens) tokens_.assign(weights_.back().begin(), weights_.back().end());
  }
  execute(plan.once);
}

void PlanInterpreter::run() { execute(plan_.steps); }

std::vector<float> PlanInterpreter::output() const {
  const auto* const first = static_cast<const float*>(const_cast<PlanInterpreter*>(this)->address(plan_.output));
  const Shape& shape = plan_.output_shape;
  std::vector<float> values(first, first + shape.elements());
  return plan_.channels_last && shape.dims.size() == 4 ? channels_first(values, shape) : values;
}

void PlanInterpreter::execute(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    Pointers at{};
    for (std::size_t slot = 0; slot < step.operands.size(); ++slot) at.at[slot] = address(step.operands[slot]);
    std::visit(Executor{at, plan_.channels_last}, step.operation);
  }
}

void* PlanInterpreter::address(const Operand& operand) {
  switch (operand.kind) {
    case Operand::Kind::none:
      return nullptr;
    case Operand::Kind::weights:
      if (plan_.weights[operand.index].part == Weights::Part::tokens) return tokens_.data() + operand.offset;
      return weights_[operand.index].data() + operand.offset;
    case Operand::Kind::buffer:
      if (plan_.buffers[operand.index].constant) return constants_[operand.index].data() + operand.offset;
      return arena_.data() + offsets_.offsets[operand.index] / sizeof(float) + operand.offset;
  }
  return nullptr;
}

}  // namespace naslat::cudnn::test
