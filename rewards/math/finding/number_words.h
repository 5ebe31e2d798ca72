#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

/// The number that words name, written in digits: "105" of "one hundred and five", "1/2" of "one
/// half", "-5" of "minus five", "12" of "十二", "1/2" of "二分之一"; in English to the trillions,
/// in Spanish, French, German, Italian and Portuguese to 99. nullopt where any other word is there.
std::optional<std::string> number_in_words(std::string_view text);

/// The number that opens a statement of nothing else: "forty-two", "five apples", "共有五个"; but
/// not "one of the roots".
std::optional<std::string> number_stated_in_words(std::string_view statement);

}  // namespace gradus::rewards::math
