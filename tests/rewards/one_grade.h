#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "rewards/registry.h"
#include "tests/catch.h"

namespace gradus::rewards {

/// The rule that a [[rewards]] table describes.
inline std::unique_ptr<RewardRule> rule_of(const std::string& toml) {
  RewardConfig config;
  read_settings(config, toml, "recipe.toml");
  config.where = "recipe.toml:1: rewards[0]";
  return make_reward_rule(config);
}

/// Its grade of one completion.
inline Grade one_grade(const std::string& toml, const std::string& completion,
                       const nlohmann::json& row = nullptr,
                       const std::vector<int32_t>& tokens = {}) {
  RewardInput input;
  input.completion = completion;
  input.completion_ids = tokens;
  input.row = &row;
  return rule_of(toml)->grade(std::span(&input, 1)).at(0);
}

inline double one_value(const std::string& toml, const std::string& completion,
                        const nlohmann::json& row = nullptr) {
  const Grade grade = one_grade(toml, completion, row);
  INFO(grade.reason);
  CHECK(grade.outcome == GradeOutcome::scored);
  return grade.value;
}

/// What making the rule complains of.
inline std::string rule_error(const std::string& toml) {
  try {
    rule_of(toml);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace gradus::rewards
