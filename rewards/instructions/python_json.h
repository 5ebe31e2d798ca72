#pragma once

#include <string_view>

namespace gradus::rewards {

/// Whether Python's json.loads takes the text: JSON, and also NaN, Infinity, -Infinity, numbers of
/// any size, lone surrogates and the same key twice.
bool is_json_to_python(std::string_view text);

}  // namespace gradus::rewards
