#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards {

/// White space as Python's str.split and str.strip have it.
bool is_white_space(uint32_t code_point);

/// A character of a script that puts no blanks between words and is read a character at a time:
/// Han, Hiragana, Katakana.
bool is_character_word(uint32_t code_point);

/// Without white space at both ends.
std::string_view stripped(std::string_view text);

/// What stands between white space, in order.
std::vector<std::string_view> split_words(std::string_view text);

/// The same with every Han, Hiragana and Katakana character a word of its own.
std::vector<std::string_view> split_words_and_characters(std::string_view text);

/// As Python's str.lower, the same in every locale: letter by letter but for a sigma that ends a
/// word and the capital I with a dot. Bytes that are not UTF-8 stay.
std::string lower_case(std::string_view text);

}  // namespace gradus::rewards
