#include "reports/html.hpp"

#include <gtest/gtest.h>

#include "configs/table.hpp"

namespace naslat {
namespace {

bool has(const std::string& page, const std::string& part) { return page.find(part) != std::string::npos; }

TEST(HtmlPage, TablesKeepColumnsWhateverTheirCellsHold) {
  const Table table{"Networks", {{"architecture"}, {"latency_ms"}}, {{"|none~0|+|a~0|b~1|", 1.5}, {"a & b", 2.0}}};
  const std::string page = html_page("t", to_markdown(table), {});
  EXPECT_TRUE(has(page, "<h3>Networks</h3>")) << page;
  EXPECT_TRUE(has(page, "<td>|none~0|+|a~0|b~1|</td>\n<td align=\"right\">1.500</td>")) << page;
  EXPECT_TRUE(has(page, "<td>a &amp; b</td>")) << page;
}

TEST(HtmlPage, HoldsThePicturesItRefersTo) {
  const Picture picture{"dots.svg", "<svg>\n<circle/>\n</svg>\n"};
  const std::string page = html_page("t", "above\n\n![x against y](dots.svg)\n\n![other](other.svg)\n", {&picture, 1});
  EXPECT_TRUE(has(page, picture.svg)) << page;
  EXPECT_FALSE(has(page, "dots.svg")) << page;
  EXPECT_TRUE(has(page, "<p>other</p>")) << page;
}

TEST(HtmlPage, AsksForNothingBesideIt) {
  const std::string page = html_page("t", "# ![x](http://a/x.png) [y *z*](http://b) <http://c>\n", {});
  EXPECT_TRUE(has(page, "<h1>x y <em>z</em> http://c</h1>")) << page;
}

TEST(HtmlPage, NamesAreShownWhole) {
  const std::string name = "<b>x</b>&\"|`";
  const Table table{name, {{"device"}}, {{name}}};
  const std::string page = html_page(name, "# " + markdown_text(name) + "\n\n" + to_markdown(table), {}),
                    shown = "&lt;b&gt;x&lt;/b&gt;&amp;&quot;|`";
  for (const std::string tag : {"title", "h1", "h3", "td"}) {
    EXPECT_TRUE(has(page, "<" + tag + ">" + shown + "</" + tag + ">")) << tag << page;
  }
}

TEST(HtmlPage, NamesCannotBringScriptsAlong) {
  const std::string hostile = "<script>alert(1)</script>";
  const Table table{hostile, {{hostile}}, {{hostile}, {"[x](javascript:alert(1))"}, {"<img src=x onerror=alert(1)>"}}};
  const std::string page = html_page(hostile, hostile + "\n\n" + to_markdown(table), {});
  EXPECT_FALSE(has(page, "<script")) << page;
  EXPECT_FALSE(has(page, "<a")) << page;
  EXPECT_FALSE(has(page, "href")) << page;
  EXPECT_TRUE(has(page, "<td>[x](javascript:alert(1))</td>")) << page;  // the text, not a link
  EXPECT_FALSE(has(page, "<img")) << page;
  EXPECT_TRUE(has(page, "<title>&lt;script&gt;")) << page;
}

TEST(HtmlPage, TextThatIsNotUtf8StillMakesAPage) {
  const std::string page = html_page("t", std::string("a\0b \xc3\x28", 6), {});
  EXPECT_TRUE(has(page, "</html>"));
  EXPECT_FALSE(has(page, "\xc3\x28"));
}

}  // namespace
}  // namespace naslat
