#include "reports/html.hpp"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace naslat {

namespace {

constexpr auto kStyle =
    "body { font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }\n"
    "table { border-collapse: collapse; margin: 1em 0 }\n"
    "th, td { border-bottom: 1px solid #ddd; padding: .2em .8em .2em 0; text-align: left; vertical-align: top }\n"
    "td[align=right], th[align=right] { text-align: right; font-variant-numeric: tabular-nums }\n"
    "svg { max-width: 100%; height: auto }\n";

template <auto kFree>
struct FreedBy {
  void operator()(auto* p) const { kFree(p); }
};
using Parser = std::unique_ptr<cmark_parser, FreedBy<cmark_parser_free>>;
using Node = std::unique_ptr<cmark_node, FreedBy<cmark_node_free>>;
using Nodes = std::unique_ptr<cmark_iter, FreedBy<cmark_iter_free>>;
using Text = std::unique_ptr<char, FreedBy<std::free>>;

/// Pictures where they are referred to, as the library's own raw nodes, which unlike HTML in the text are not left out.
/// Of all other images and links only the text stays: nothing beside the page is asked for.
void put_in(cmark_node& document, std::span<const Picture> pictures) {
  const Nodes nodes(cmark_iter_new(&document));
  for (cmark_event_type event; (event = cmark_iter_next(nodes.get())) != CMARK_EVENT_DONE;) {
    cmark_node* const node = cmark_iter_get_node(nodes.get());
    const cmark_node_type type = cmark_node_get_type(node);
    if (event != CMARK_EVENT_EXIT || (type != CMARK_NODE_IMAGE && type != CMARK_NODE_LINK)) continue;
    const std::string file = cmark_node_get_url(node);
    const auto picture =
        std::find_if(pictures.begin(), pictures.end(), [&](const Picture& p) { return p.file == file; });
    if (type == CMARK_NODE_IMAGE && picture != pictures.end()) {
      Node svg(cmark_node_new(CMARK_NODE_CUSTOM_INLINE));
      cmark_node_set_on_enter(svg.get(), picture->svg.c_str());
      cmark_node_insert_before(node, svg.release());
    } else {
      while (cmark_node* const text = cmark_node_first_child(node)) cmark_node_insert_before(node, text);
    }
    cmark_node_unlink(node);
    const Node replaced(node);
  }
}

std::string escaped(const std::string& text) {
  const Node node(cmark_node_new(CMARK_NODE_TEXT));
  cmark_node_set_literal(node.get(), text.c_str());
  return Text(cmark_render_html(node.get(), CMARK_OPT_DEFAULT, nullptr)).get();
}

}  // namespace

std::string html_page(const std::string& title, const std::string& markdown, std::span<const Picture> pictures) {
  cmark_gfm_core_extensions_ensure_registered();
  const Parser parser(cmark_parser_new(CMARK_OPT_VALIDATE_UTF8));
  cmark_parser_attach_syntax_extension(parser.get(), cmark_find_syntax_extension("table"));
  cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
  const Node document(cmark_parser_finish(parser.get()));
  put_in(*document, pictures);
  const Text body(
      cmark_render_html(document.get(), CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser.get())));
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
      "<style>\n{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      escaped(title), kStyle, body.get());
}

}  // namespace naslat
