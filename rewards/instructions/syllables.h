#pragma once

#include <cstdint>
#include <string_view>

namespace gradus::rewards {

/// Syllables of an English word in small letters, by its vowels: groups of a, e, i, o, u, y, less
/// an e that is not spoken, and more where two vowels are spoken apart. Near to dictionaries, which
/// know the exceptions. 0 of what has no letter, else 1 or more.
int64_t count_syllables(std::string_view word);

}  // namespace gradus::rewards
