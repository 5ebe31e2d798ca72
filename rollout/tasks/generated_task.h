#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rollout {

/// One setting of a generated task, for help texts.
struct TaskOption {
  std::string key;
  std::string text;
};

/// A family of questions made by rule.
struct TaskInfo {
  std::string name;
  std::string text;
  std::vector<TaskOption> options;
};

/// Every generated task, in the order of their registration.
std::vector<TaskInfo> list_tasks();
/// Their names, "arithmetic, ...", for help texts.
std::string task_names();

/// Row `index` of a generated task: a pure function of (name, options, seed, index), the same on
/// every machine and in any order.
///
/// Each row has `question`, `answer` (text, exact), `task`, `index` and the numbers it was made
/// from; countdown also has `target`, `numbers` and an example `solution`.
///
/// @param options  the task's own settings as an object; absent ones have their defaults. `split`
///                 = "train" or "held_out" keeps to disjoint sets of questions (hash of the text).
/// @throws ConfigError  unknown task or option, with the nearest name; an option out of range.
nlohmann::json generate_task(std::string_view name, const nlohmann::json& options, uint64_t seed,
                             int64_t index);

}  // namespace gradus::rollout
