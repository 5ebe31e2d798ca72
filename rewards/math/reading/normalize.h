#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

/// Unicode mathematics in ASCII and LaTeX: full-width characters, superscripts, fractions, Greek
/// letters, operators, special spaces and digits of other scripts. Invalid UTF-8 and control
/// characters become U+FFFD, backslashes are single where environments have two. Everything else is
/// kept. Linear time.
std::string normalized_math(std::string_view text);

/// The text with digits of other scripts, and Arabic decimal signs behind them, in ASCII; nullopt
/// where it can hold none.
std::optional<std::string> with_ascii_digits(std::string_view text);

}  // namespace gradus::rewards::math
