#include "configs/scatter.hpp"

#include <gtest/gtest.h>

namespace naslat {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Scatter, HasADotPerPairOfFiguresOverOneRange) {
  const Scatter panel{"a < b & c", "measured, ms", "estimated, ms", {{0, 0}, {10, 5}, {5, -1}}};
  const std::string svg = to_svg({&panel, 1});
  EXPECT_EQ(count(svg, "<circle"), 3U);
  EXPECT_NE(svg.find("<circle cx=\"50.0\" cy=\"370.0\""), std::string::npos);   // the origin
  EXPECT_NE(svg.find("<circle cx=\"354.8\" cy=\"217.6\""), std::string::npos);  // 10 and 5 of 10.5
  EXPECT_NE(svg.find("<circle cx=\"202.4\" cy=\"370.0\""), std::string::npos);  // below 0 is at 0
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_NE(svg.find("viewBox=\"0 0 420 420\""), std::string::npos);
}

TEST(Scatter, PanelsStandInRows) {
  const std::vector<Scatter> panels(5, Scatter{"", "", "", {{1, 1}}});
  const std::string svg = to_svg(panels, 2);
  EXPECT_NE(svg.find("viewBox=\"0 0 840 1260\""), std::string::npos);
  EXPECT_EQ(count(svg, "<g "), 5U);
  EXPECT_NE(svg.find("translate(0 840)"), std::string::npos);
  EXPECT_EQ(count(to_svg({}, 3), "<g "), 0U);
}

}  // namespace
}  // namespace naslat
