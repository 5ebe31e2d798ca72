#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/reward_set.h"

namespace gradus::cli {

/// The chat of a row, `messages` or a `prompt` that is one, as training gives it to rules; null
/// where there is none.
const nlohmann::json* chat_of(const nlohmann::json& row);

/// One line of a file of completions to grade: the columns of a data row with, among them,
///
///   completion   text, or a chat's messages, whose last content counts
///   completions  a list of those
///   completion_ids, completions_ids   their tokens, for rules that count them
///   prompt, question, messages, truncated   as rules see them
struct RewardCase {
  nlohmann::json row;
  std::string prompt;
  std::vector<std::string> completions;
  std::vector<std::vector<int32_t>> tokens;  // as many, or none

  /// What rules are given; views of this.
  std::vector<rewards::RewardInput> inputs() const;
};

/// @param column  with the completions, in place of those two names; empty: those.
/// @throws FileError  "cases.jsonl:3: ...": not an object, no completion, tokens that do not fit.
RewardCase read_reward_case(std::string_view line, const std::string& where,
                            const std::string& column = "");

/// One graded completion: {"reward", "grades": {rule: {"value", "outcome", "reason", "details"}}}.
nlohmann::ordered_json graded_json(const rewards::GradedGroup& graded,
                                   const std::vector<std::string>& rule_names, size_t completion);

/// A line of such JSON; bytes that are not UTF-8 become U+FFFD.
std::string json_line(const nlohmann::ordered_json& json);

}  // namespace gradus::cli
