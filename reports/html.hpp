#pragma once

#include <span>
#include <string>

namespace naslat {

/// A picture that a Markdown text refers to by its file's name.
struct Picture {
  std::string file, svg;
};

/// One page that needs nothing beside it: Markdown with GitHub's tables as HTML, the pictures it refers to within it.
/// HTML in the Markdown is left out, and what looks like it in names is shown as text.
[[nodiscard]] std::string html_page(const std::string& title, const std::string& markdown,
                                    std::span<const Picture> pictures);

}  // namespace naslat
