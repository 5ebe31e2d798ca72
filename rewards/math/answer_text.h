#pragma once

#include <string>
#include <string_view>

namespace gradus::rewards::math {

// What can be told of an answer's text before it is parsed.

/// "\mathrm{ord}_p(a) = 5": what the last equals sign gives to a name that nobody can read. Empty
/// where the text in front holds no name, or more than one answer.
std::string_view behind_unread_name(std::string_view text);

/// What is to be parsed of an answer: words that name a number as that number, 2A_{16} as digits in
/// a base, all else as `without_words` has it.
std::string readable(std::string_view text);

/// "B" of "Option B" and "Choice (B)"; empty for others.
std::string_view behind_choice_word(std::string_view text);

/// Whether a text that is no answer as a whole may hold one: it has delimiters of mathematics,
/// lines or words. A formula that is broken ("\frac{1}{") holds none: its first number is not its
/// value.
bool may_hold_answer(std::string_view text);

/// \cancel{5} and nothing else.
bool is_struck_out(std::string_view text);

/// A decimal comma in plain text: 2,74 and 0,125 but not 1,234. A unit may stand behind it.
bool has_decimal_comma(std::string_view text);

/// Digits, a comma and three digits.
bool has_group(std::string_view text);

/// "east": four letters or more that name nothing in mathematics.
bool is_long_word(std::string_view text);

/// Without one pair of delimiters around it ($...$, \[...\]) and the dressing outside.
std::string without_dollars(std::string_view text);

}  // namespace gradus::rewards::math
