#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json.h"

namespace gradus {

/// Strict JSON as parse_json reads it, with what data rows need beside: objects keep the order of
/// their keys, and integers past 64 bits keep all their digits (parse_json makes doubles of them).
/// Such an integer is a binary value of the subtype kBigInteger that holds its digits; dump_json
/// writes it as the number it is.
///
/// @throws FileError  as parse_json; integers of more than 4,300 digits, as Python refuses them.
nlohmann::ordered_json parse_exact_json(std::string_view text, const std::string& where,
                                        const JsonLimits& limits = {});

inline constexpr uint64_t kBigInteger = 1;

/// Whether the value is an integer past 64 bits that parse_exact_json kept.
template <class Json>
bool is_big_integer(const Json& value) {
  return value.is_binary() && value.get_binary().has_subtype() &&
         value.get_binary().subtype() == kBigInteger;
}

/// Its digits, with a minus sign where it is negative. @param value  is_big_integer.
template <class Json>
std::string digits_of(const Json& value) {
  const auto& bytes = value.get_binary();
  return {bytes.begin(), bytes.end()};
}

}  // namespace gradus
