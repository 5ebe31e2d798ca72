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

}  // namespace gradus::rewards::code
