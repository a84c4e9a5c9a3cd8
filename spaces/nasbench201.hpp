#pragma once

#include <memory>
#include <string>

#include "spaces/search_space.hpp"

namespace naslat {

/// Input of NAS-Bench-201's three data sets: CIFAR-10 and CIFAR-100 at 32×32, ImageNet16-120 at 16×16.
struct NasBench201Input {
  std::int64_t classes = 10, resolution = 32;
};

/// The cell-based space of Dong and Yang (ICLR 2020): 15,625 cells of six edges with five operations each.
[[nodiscard]] std::unique_ptr<SearchSpace> make_nasbench201(const std::string& name, NasBench201Input input);

}  // namespace naslat
