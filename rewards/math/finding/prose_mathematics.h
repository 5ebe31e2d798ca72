#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/finding/extract.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {

// Mathematics as prose writes it: among words, some of which belong to it.

/// Spans of mathematics, and the plain arithmetic outside of them, in order.
std::vector<Span> mathematics_in(std::string_view text, const Targets& targets);

/// A span as it is to be parsed, with the words around it that belong to it: "28 percent",
/// "2.5 million", "12 cm", "minus 5", "5 squared".
///
/// @param part  the part of `whole` in which the span's bytes count.
std::string value_with_words(std::string_view whole, std::string_view part, const Span& span);

/// "The probability is 1 in 4.", "a chance of 1 out of 4": the fraction, where a text ends with it.
std::optional<std::string> odds_in(std::string_view text);

/// Whether words around a number make it another one.
bool is_altered(std::string_view text, const Span& span);

/// The last number of a run that is no expression ("4 4/9 2"), with a fraction kept whole; empty
/// where the run is one number, or ends in none.
std::string last_number_in(std::string_view run);

/// "\boxed{12 $ and $13 }": dollars inside a box part its items.
std::string parted_by_dollars(std::string_view box);

}  // namespace gradus::rewards::math
