#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gradus {

/// Text from outside made safe for a log line or an error: control characters (newline and escape
/// included) and bytes that are not UTF-8 become `\n`, `\x1b`, ...; past max_bytes the rest is cut
/// and its length named.
std::string printable(std::string_view text, size_t max_bytes = 2000);

/// A double as the shortest decimal that reads back to the same bits, whatever the locale:
/// "0.1", "1e-06", "3" (no forced fraction), "inf", "nan".
std::string number_text(double value);

}  // namespace gradus
