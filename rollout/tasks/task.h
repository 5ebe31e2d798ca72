#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/settings/setting.h"

namespace gradus::rollout {

/// What a generated task adds to the registry: how a row is made from options and chance. A new
/// task is one file with its `extern const Task` and one line of records.inc.
struct Task {
  const char* name;
  const char* text;
  nlohmann::json (*generate)(const nlohmann::json& options, RandomStream& random);
  std::vector<SettingInfo> (*options)();
};

/// Options of a task, read over the defaults and checked.
template <class Config>
Config read_task_options(const nlohmann::json& options, const char* task) {
  Config config;
  const std::string source = std::string("data.options of ") + task;
  if (!options.is_null()) read_settings_json(config, options, source);
  check_settings(config, source);
  return config;
}

/// Uniform on [low, high].
int64_t draw_between(RandomStream& random, int64_t low, int64_t high);

/// 10^digits - 1, the largest number with at most `digits` digits.
int64_t largest_with_digits(int digits);

/// " + " and the like between numbers; a negative number is put in parentheses after an operator.
std::string join_terms(const std::vector<int64_t>& terms, const std::vector<char>& operators);

}  // namespace gradus::rollout
