#include "configs/scatter.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace naslat {

namespace {

constexpr double kSize = 420, kMargin = 50;  // of a panel

std::string escaped(const std::string& text) {
  std::string xml;
  for (const char c : text) xml += c == '<' ? std::string("&lt;") : c == '&' ? std::string("&amp;") : std::string(1, c);
  return xml;
}

std::string panel_svg(const Scatter& panel) {
  double highest = 0;
  for (const Dot& dot : panel.dots) highest = std::max({highest, dot.x, dot.y});
  highest = std::max(highest * 1.05, 1e-6);
  const auto x = [&](double figure) { return kMargin + std::max(0.0, figure) / highest * (kSize - 2 * kMargin); };
  const auto y = [&](double figure) { return kSize - x(figure); };
  std::string svg = fmt::format(
      "<path d=\"M{0:.1f} {1:.1f}L{2:.1f} {3:.1f}\" stroke=\"#bbb\"/>\n"
      "<path d=\"M{0:.1f} {3:.1f}V{1:.1f}H{2:.1f}\" stroke=\"black\" fill=\"none\"/>\n",
      x(0), y(0), x(highest), y(highest));
  for (int tick = 0; tick <= 4; ++tick) {
    const double figure = highest * tick / 4;
    const std::string text = figure < 100 ? fmt::format("{:.2g}", figure) : fmt::format("{:.0f}", figure);
    svg += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        x(figure), y(0) + 16, text, x(0) - 6, y(figure) + 4, text);
  }
  for (const Dot& dot : panel.dots) {
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"#1f6fb4\" fill-opacity=\"0.6\"/>\n",
                       x(dot.x), y(dot.y));
  }
  return svg + fmt::format(
                   "<text x=\"{0:.1f}\" y=\"{1:.1f}\" text-anchor=\"middle\">{2}</text>\n"
                   "<text transform=\"translate(14 {0:.1f}) rotate(-90)\" text-anchor=\"middle\">{3}</text>\n"
                   "<text x=\"{0:.1f}\" y=\"24\" text-anchor=\"middle\">{4}</text>\n",
                   kSize / 2, kSize - 8, escaped(panel.x_name), escaped(panel.y_name), escaped(panel.title));
}

}  // namespace

std::string to_svg(std::span<const Scatter> panels, std::size_t per_row) {
  const std::size_t columns = std::clamp(panels.size(), std::size_t{1}, per_row);
  const std::size_t rows = std::max(std::size_t{1}, (panels.size() + columns - 1) / columns);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kSize * static_cast<double>(columns), kSize * static_cast<double>(rows));
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const std::size_t column = i % columns, row = i / columns;
    svg += fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n", kSize * static_cast<double>(column),
                       kSize * static_cast<double>(row), panel_svg(panels[i]));
  }
  return svg + "</svg>\n";
}

}  // namespace naslat
