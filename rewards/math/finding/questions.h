#pragma once

#include <cstddef>
#include <string_view>

namespace gradus::rewards::math {

/// Whether a phrase that should answer asks itself: "What is 2 + 3?", "2 + 3 =".
bool is_question(std::string_view phrase);

/// Whether the mathematics at [begin, end) is asked for and not answered: "What is 2 + 3?",
/// "Calculate 2 + 3", "2 + 3 = ___". An equation that was worked out ("compute 2 + 3 = 5") is none.
bool is_asked(std::string_view text, size_t begin, size_t end);

}  // namespace gradus::rewards::math
