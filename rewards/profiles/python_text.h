#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards::profiles {

/// Text as Python's `str` sees it: a sequence of code points. The programs that profiles follow
/// are written in Python, and count, cut and classify code points, not bytes.
using Text = std::u32string;
using TextView = std::u32string_view;

/// From UTF-8; a byte that is not UTF-8 becomes U+DC00 + byte, as with `surrogateescape`.
Text to_text(std::string_view utf8);

/// To UTF-8, the reverse of `to_text`.
std::string to_utf8(TextView text);

/// str.replace: every occurrence from left to right, none inside another.
Text replaced(TextView text, TextView from, TextView to);

/// str.split(separator): at least one part.
std::vector<Text> split(TextView text, TextView separator);

/// str.strip().
Text stripped(TextView text);

/// text[-count:].
TextView last(TextView text, size_t count);

bool contains(TextView text, TextView part);

/// str.isspace of one character, which is also the regular expression `\s`.
bool is_space(char32_t c);
/// The regular expression `\d`: a decimal digit of any script.
bool is_decimal(char32_t c);
/// str.isdigit of one character: decimal digits, superscripts, circled digits.
bool is_digit(char32_t c);
/// str.isalpha of one character.
bool is_alpha(char32_t c);
/// str.lower().
Text lowered(TextView text);

/// float(text): optional white space and sign, digits that `_` may separate, fraction, exponent,
/// inf, infinity, nan in any case. nullopt: Python raises ValueError.
std::optional<double> to_float(TextView text);

/// str(int(value)) of a finite number: every digit of the integer part.
Text integer_text(double value);

/// The place behind the last of `\boxed` and what follows, as the common helper
/// last_boxed_only_string finds it: from the last occurrence of `command` to the brace that closes
/// the first one opened behind it. nullopt: absent, or not closed.
std::optional<Text> from_last_to_closing_brace(TextView text, TextView command);

}  // namespace gradus::rewards::profiles
