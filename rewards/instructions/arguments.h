#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rewards/scores/bounded_regex.h"

namespace gradus::rewards {

/// Reads the arguments of one instruction. @throws ArgumentError  "num_words: must be given".
class InstructionArguments {
 public:
  explicit InstructionArguments(const nlohmann::json& kwargs);

  int64_t count(const char* key) const;  // >= 0; 3.0 is 3
  std::string text(const char* key) const;
  std::vector<std::string> texts(const char* key) const;  // at least one

  /// `less than` or `at least`, as a comparison of a number with a bound.
  bool is_at_least(const char* key) const;

 private:
  const nlohmann::json& at(const char* key) const;

  const nlohmann::json& kwargs_;
};

/// The text as a regular expression within others, or quoted where it is none.
std::string as_pattern(const std::string& text);

/// Number of matches; negative: the search went past its bound.
int64_t count_matches(const BoundedRegex& regex, std::string_view text);

}  // namespace gradus::rewards
