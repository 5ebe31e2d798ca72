#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

/// The function that a command or word names, under one name each: "arcsin" for asin, "ln", "log"
/// (base 10 unless a base is given), "sqrt", "gcd", ...; nullopt for anything else.
std::optional<std::string> function_name(std::string_view name);

/// Whether a function, under the name above, takes an angle: sin, cos, tan, cot, sec, csc.
bool takes_angle(std::string_view function);

/// The constant that a command or word names: "pi", "oo" (infinity), "{}" (the empty set), ...
std::optional<std::string> constant_name(std::string_view name);

/// Commands that stand for a letter: Greek and the like.
bool is_symbol_command(std::string_view name);

/// A word of a language that joins answers: "and", "or", "und", "et", ...
bool is_joining_word(std::string_view word);

/// x=1orx=-1: the size of the joiner in a word that runs from a digit into the next answer's
/// letter; 0: the word is none.
size_t glued_joiner(std::string_view text, size_t word_at, std::string_view word);

/// A word for percent: "percent", "pct", "percentage", "Prozent", ...
bool is_percent_word(std::string_view word);

/// The factor that a word such as "million" stands for, or 0.
int64_t multiplier_of(std::string_view word);

/// Lower case of ASCII letters.
std::string lower_case(std::string_view text);

}  // namespace gradus::rewards::math
