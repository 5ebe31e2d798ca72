#pragma once

#include <string>
#include <string_view>

namespace gradus::rewards {

/// An answer as written, in plain ASCII where it has an ASCII form: Unicode minus signs, full-width
/// characters, fractions such as U+00BD and special spaces are spelled out; LaTeX spacing, sizing
/// and text commands are dropped or unwrapped (`\left(`, `\,`, `\text{cm}`), `\dfrac` and `\tfrac`
/// become `\frac`, `\times` becomes `*`, `\$` and the currency signs `$`, `\%` becomes `%`, `{,}`
/// becomes `,`, a degree sign the word ` deg`. Linear time; meaning is kept.
std::string plain_math_text(std::string_view text);

/// `text` without white space (ASCII) at its ends.
std::string_view trimmed(std::string_view text);

/// The inside of what only dresses an answer: math dollars, `\( \)`, `\[ \]`, `**bold**`, quotes,
/// backticks, a final full stop or comma, `x =` in front. Works on plain text or raw text.
std::string_view undressed(std::string_view text);

}  // namespace gradus::rewards
