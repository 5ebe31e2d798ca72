#pragma once

#include <functional>
#include <optional>
#include <string_view>

namespace gradus::rewards::math {

/// A verdict from how an answer is written, before it is read as mathematics.
struct SpecialVerdict {
  bool is_equal = false;
  const char* path = "";  // what decided
};

/// Formulas of chemistry, golds in words with a number among them, answers in labelled parts and
/// under conditions. nullopt: neither is any of these.
///
/// @param same  grades a part of the answer against a part of the gold.
std::optional<SpecialVerdict> special_verdict(
    std::string_view gold, std::string_view answer,
    const std::function<bool(std::string_view, std::string_view)>& same);

/// Whether a gold that is no mathematics can be compared word by word.
bool is_plain_wording(std::string_view gold);

}  // namespace gradus::rewards::math
