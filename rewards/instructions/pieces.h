#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards {

/// What IFBench's checks take a response apart with, as Python's strings do it.

/// Python's string.punctuation: ASCII's marks.
bool is_punctuation(uint32_t value);

/// Without ASCII's marks, wherever they stand.
std::string without_punctuation(std::string_view text);

/// Without ASCII's marks and blanks at both ends; `before`, `after` say at which.
std::string_view without_outer_marks(std::string_view text, bool before = true, bool after = true);

/// At each "\n": one part more than there are.
std::vector<std::string_view> split_lines(std::string_view text);
/// At each `mark`, which is not empty.
std::vector<std::string_view> split_at(std::string_view text, std::string_view mark);

/// The characters.
std::vector<uint32_t> code_points(std::string_view text);
/// The first character; 0 of an empty text.
uint32_t first_character(std::string_view text);

/// Occurrences without overlap.
int64_t count_of(std::string_view text, std::string_view part);

/// Whether `word` stands there between places where a word may begin and end (the \b of a regular
/// expression, which also lies between a mark and a letter).
bool has_word(std::string_view text, std::string_view word);

/// NFKD, and of that what is ASCII: "São Tomé" is "Sao Tome".
std::string ascii_of(std::string_view text);

bool is_emoji(uint32_t value);

/// Rows of fields as Python's csv.reader has them, a blank line being a row without fields.
std::vector<std::vector<std::string>> csv_rows(std::string_view text, char delimiter);

}  // namespace gradus::rewards
