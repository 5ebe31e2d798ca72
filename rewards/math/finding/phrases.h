#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

// The words that announce an answer and those around it.

/// The rest of the sentence or line from `at` on, without what dresses its start.
std::string_view segment_behind(std::string_view text, size_t at);

/// "5: 2 + 3" answers 5 and shows how; "5:2" and "5 : 2" are ratios.
std::string_view without_working(std::string_view text);

/// "5 [1][2]" without the sources it names.
std::string_view without_citations(std::string_view text);

/// "A: 7" is an answer with its label.
std::string_view without_label(std::string_view text);

/// Without Markdown's stars and lines around words: **18** dollars, but 2**3 stays.
std::string without_emphasis(std::string_view text);

/// Whether a short text has no words but those of mathematics, units and numbers.
bool is_short_mathematics(std::string_view text);

/// Where a sentence comes to its answer: behind its last "is" before a number, or behind the last
/// "=" of one that does not open with its answer; 0 where there is neither.
size_t behind_last_verb(std::string_view text);

/// Whether two neighbouring boxes are parts of one answer, by the text between them.
bool belong_together(std::string_view between);

}  // namespace gradus::rewards::math
