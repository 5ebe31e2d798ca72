#include "rollout/tasks/generated_task.h"

#include <optional>

#include "base/error.h"
#include "base/settings/nearest_name.h"
#include "rollout/tasks/task.h"

namespace gradus::rollout {

#define GRADUS_RECORD(task) extern const Task task;
#include "rollout/tasks/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const Task* kTasks[] = {
#define GRADUS_RECORD(task) &task,
#include "rollout/tasks/records.inc"
#undef GRADUS_RECORD
};

const Task& find_task(std::string_view name) {
  std::vector<std::string> names;
  std::string list;
  for (const Task* task : kTasks) {
    if (name == task->name) return *task;
    names.emplace_back(task->name);
    list += (list.empty() ? "" : ", ") + names.back();
  }
  const auto near = nearest_name(name, names);
  throw ConfigError("data.task: there is no generated task \"" + std::string(name) + "\"" +
                    (near ? ", did you mean \"" + *near + "\"?" : "; there are " + list));
}

// One question in ten is held out, by a hash of its text: no seed and no index moves it across.
constexpr uint64_t kHeldOutShare = 10;
constexpr int kMaxSplitTries = 1000;

bool is_held_out(const nlohmann::json& row) {
  return hash_text(row.at("question").get<std::string>()) % kHeldOutShare == 0;
}

/// Removes the option `split`, which every task has: train, held_out, or absent (all questions).
std::optional<std::string> take_split(nlohmann::json& options) {
  if (!options.is_object() || !options.contains("split")) return std::nullopt;
  const auto split = options["split"];
  if (split != "train" && split != "held_out") {
    throw ConfigError("data.options.split: must be \"train\" or \"held_out\"");
  }
  options.erase("split");
  return split.get<std::string>();
}

}  // namespace

std::string task_names() {
  std::string names;
  for (const Task* task : kTasks) names += (names.empty() ? "" : ", ") + std::string(task->name);
  return names;
}

std::vector<TaskInfo> list_tasks() {
  std::vector<TaskInfo> infos;
  for (const Task* task : kTasks) {
    TaskInfo info{task->name, task->text, {}};
    for (const auto& option : task->options()) {
      const std::string limits = option.constraint.empty() ? "" : ", " + option.constraint;
      info.options.push_back({option.key, option.text + " (" + option.type + limits + "; " +
                                              option.default_value + ")"});
    }
    info.options.push_back(
        {"split", "train or held_out: disjoint questions, nine in ten and one in ten (text; all)"});
    infos.push_back(std::move(info));
  }
  return infos;
}

nlohmann::json generate_task(std::string_view name, const nlohmann::json& options, uint64_t seed,
                             int64_t index) {
  const Task& task = find_task(name);
  nlohmann::json task_options = options;
  const auto split = take_split(task_options);
  RandomStream random(seed, hash_text(task.name), static_cast<uint64_t>(index));
  nlohmann::json row = task.generate(task_options, random);
  for (int tries = 0; split && is_held_out(row) != (*split == "held_out"); ++tries) {
    if (tries == kMaxSplitTries)
      throw ConfigError("data.options.split: the task has no question of this split");
    row = task.generate(task_options, random);
  }
  row["task"] = task.name;
  row["index"] = index;
  return row;
}

int64_t draw_between(RandomStream& random, int64_t low, int64_t high) {
  return low + random.below(high - low + 1);
}

int64_t largest_with_digits(int digits) {
  int64_t power = 1;
  for (int i = 0; i < digits; ++i) power *= 10;
  return power - 1;
}

std::string join_terms(const std::vector<int64_t>& terms, const std::vector<char>& operators) {
  std::string text;
  for (size_t i = 0; i < terms.size(); ++i) {
    const std::string number = std::to_string(terms[i]);
    if (i == 0) {
      text = number;
      continue;
    }
    text += std::string(" ") + operators[i - 1] + " ";
    text += terms[i] < 0 ? "(" + number + ")" : number;
  }
  return text;
}

}  // namespace gradus::rollout
