#pragma once

#include <compare>
#include <nlohmann/json.hpp>
#include <string>

namespace gradus::rewards {

/// The order of two JSON values by kind, then by value, as JSON Schema sees equality: numbers are
/// the decimals that are written, exactly (1 and 1.0 are one number, 2^53 and 2^53 + 1 are two,
/// whatever C++ type holds them), objects are equal in any order of their members.
std::partial_ordering order_of_json(const nlohmann::json& a, const nlohmann::json& b);

/// Whether the number a is a whole multiple of b, as decimals: 0.3 is one of 0.1.
bool is_multiple(const nlohmann::json& a, const nlohmann::json& b);

/// The first 80 bytes of a value as JSON on one line, safe for a log line; no more of it is written
/// than is shown.
std::string beginning_of_json(const nlohmann::json& value);

}  // namespace gradus::rewards
