#pragma once

#include <vector>

#include "measure/backend.hpp"

namespace naslat {

/// A network without layers: timing it shows what the harness itself costs.
class NullExecutable final : public Executable {
 public:
  void run() override {}
  [[nodiscard]] std::vector<float> output() const override { return {}; }
  [[nodiscard]] const ExecutableInfo& info() const override { return info_; }

 private:
  ExecutableInfo info_;
};

}  // namespace naslat
