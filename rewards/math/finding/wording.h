#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

// Answers in words, numbers and letters among them: "less than 5", "Vitamin A", "Uranium-235".

/// What a text says, for comparing: in lower case, without LaTeX's and Markdown's dressing,
/// articles in front and marks at the ends.
std::string wording(std::string_view text);

/// Whether words decide what a gold's number or letter means, so that these alone do not answer it:
/// "at least 3", "point A", "Section 5", "10 m above ground"; but not "5 apples" or "The answer is
/// 5".
bool is_decided_by_words(std::string_view gold);

/// Whether a sentence that begins with `text` states the gold, word for word, and nothing else:
/// "Joan F. Sample.", "less than 5, because ..."; not "less than 5 or more than 7".
bool states(std::string_view text, std::string_view gold);

/// "The series is convergent.": what the last sentence's "is" gives; empty where it denies or asks.
std::string_view behind_copula(std::string_view text);

/// Yes and true, no and false; nullopt: another word.
std::optional<bool> truth_word(std::string_view word);

/// What a statement answers a question of yes or no: "No, because ...", "the claim is true since";
/// nullopt where it says neither or both.
///
/// @param gold  "yes", "no", "true" or "false", in any case: which pair of words counts.
std::optional<bool> truth_in(std::string_view statement, std::string_view gold);

}  // namespace gradus::rewards::math
