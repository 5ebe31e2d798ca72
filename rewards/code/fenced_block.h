#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gradus::rewards::code {

/// The last fenced block of Markdown in `text` whose language is one of `languages` (any case), or
/// else the last one that names no language. A block opens with three or more backticks or tildes
/// at the start of a line (up to three spaces before, which its lines lose as well) and closes with
/// as many of the same kind; one that is not closed is none. Linear time.
std::optional<std::string> last_fenced_block(std::string_view text,
                                             std::span<const std::string> languages);

/// The same, but of several the last that defines `function` in Python ("def f(", "f = ", or a
/// method): an example of its use often stands behind it. Without one the last block.
std::optional<std::string> block_defining(std::string_view text,
                                          std::span<const std::string> languages,
                                          std::string_view function);

/// The lines of a Python text, such as a prompt, that import modules at its outermost level; empty
/// where it imports none, or from __future__, which must stand first.
std::string imports_of(std::string_view text);

}  // namespace gradus::rewards::code
