#pragma once

#include <string>
#include <string_view>

namespace gradus::rewards::math {

/// Whether two answers are the same words: "Evelyn" and "\text{evelyn}.", "no solution" and "There
/// is no solution", "DNE" and "does not exist".
bool same_words(std::string_view a, std::string_view b);

/// Whether an answer is words alone, of more than one letter.
bool is_in_words(std::string_view text);

/// An answer without the words around its mathematics: "\text{exactly }5" is 5, "\text{13 cm}" is
/// 13 with a unit, "\text{infinity}" and "\text{all real numbers}" are the signs for them.
std::string without_words(std::string_view text);

/// The letter of a choice that is written with its value: "\text{(C) } 12"; 0 for anything else.
char labelled_choice(std::string_view text);

}  // namespace gradus::rewards::math
