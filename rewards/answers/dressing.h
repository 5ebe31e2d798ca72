#pragma once

#include <string_view>

namespace gradus::rewards {

/// `text` without white space (ASCII) at its ends.
std::string_view trimmed(std::string_view text);

/// The inside of what only dresses an answer: math dollars, `\( \)`, `\[ \]`, `**bold**`, quotes,
/// backticks, a final full stop or comma, `x =` in front. Works on plain text or raw text.
std::string_view undressed(std::string_view text);

}  // namespace gradus::rewards
