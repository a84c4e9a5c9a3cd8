#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace naslat {

struct Dot {
  double x = 0, y = 0;
};

/// Two figures of many things over one range, a dot each, with the diagonal where both are equal. Like Table it is in
/// the lowest module, because commands of several modules end in one.
struct Scatter {
  std::string title, x_name, y_name;  ///< names carry the unit
  std::vector<Dot> dots;              ///< negative figures are drawn at 0
};

/// One picture of all panels, `per_row` side by side. @pre per_row > 0
[[nodiscard]] std::string to_svg(std::span<const Scatter> panels, std::size_t per_row = 1);

}  // namespace naslat
