#pragma once

#include <optional>
#include <string_view>

#include "rewards/scores/bounded_regex.h"

namespace gradus::rewards {

/// A regular expression of a JSON Schema. Schemas are written for JavaScript's, whose \d is 0 to 9.
/// @throws ArgumentError  as BoundedRegex.
BoundedRegex schema_regex(std::string_view pattern);

/// Whether a text is of one of JSON Schema's formats: date, date-time, time (RFC 3339, with leap
/// seconds), email (without quoted names and addresses in brackets), hostname (its shape; Punycode
/// is not looked into), ipv4, ipv6, uri, uuid, regex. nullopt: another format.
std::optional<bool> is_of_format(std::string_view format, std::string_view text);

}  // namespace gradus::rewards
