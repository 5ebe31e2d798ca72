#include "rl/recipe/input_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <utility>

#include "rl/algorithms/reference_spec.h"
#include "rl/collect/reward_model_rule.h"
#include "rl/recipe/code_files.h"
#include "rl/recipe/load.h"
#include "rl/run/file_sum.h"
#include "rollout/prompts/chat_renderer.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecipe = "recipe";  // beside the settings' names, none of which it is
constexpr size_t kMaxShownFiles = 1000;

void add(nlohmann::json& all, const std::string& setting, const fs::path& path) {
  std::error_code ignored;
  if (path.empty() || !fs::exists(path, ignored)) return;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.is_regular_file()) add(all, setting, entry.path());
    return;
  }
  if (!fs::is_regular_file(path)) return;
  nlohmann::json& file = all[setting][path.string()];
  if (!file.is_null()) return;
  const FileSum sum = sum_of_file(path);
  file = {{"bytes", sum.num_bytes}, {"crc64", sum.crc64}};
}

bool is_of_the_system(const fs::path& path) {
  const std::string text = path.string();
  for (const char* folder : {"/usr/", "/bin/", "/lib", "/etc/", "/dev/", "/proc/"})
    if (text.starts_with(folder)) return true;
  return false;
}

/// Strings of an option: itself, or those of its list.
std::vector<std::string> texts_of(const nlohmann::json& option) {
  std::vector<std::string> texts;
  if (option.is_string()) texts.push_back(option.get<std::string>());
  if (option.is_array())
    for (const auto& entry : option)
      if (entry.is_string()) texts.push_back(entry.get<std::string>());
  return texts;
}

/// Files below a folder that a rule is shown, without what Python leaves there.
std::vector<fs::path> shown_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end && files.size() < kMaxShownFiles; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == "__pycache__" || name.starts_with('.')) {
      entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_regular_file(error)) files.push_back(entry->path());
  }
  return files;
}

/// Every file that an option of the rule names, what scripts among them are made of, and what lies
/// in the folders of `read` and `files`.
void add_rule(nlohmann::json& all, const std::string& setting, const rewards::RewardConfig& rule) {
  if (rule.type == kRewardModelRule) add(all, setting, rule.options.value("path", ""));
  std::error_code ignored;
  std::set<fs::path> files;
  std::vector<fs::path> folders;
  std::vector<fs::path> named{reward_file(rule)};
  for (const auto& [key, option] : rule.options.items()) {
    const bool is_shown = key == "read" || key == "files";
    for (const std::string& text : texts_of(option)) {
      if (is_shown && fs::is_directory(text, ignored)) folders.emplace_back(fs::absolute(text));
      if (fs::is_regular_file(text, ignored)) named.emplace_back(fs::absolute(text));
    }
  }
  for (const fs::path& folder : folders)
    for (const fs::path& file : shown_files(folder)) files.insert(file);
  for (const fs::path& file : named)
    if (!file.empty()) files.merge(code_files(file, folders));
  for (const fs::path& file : files)
    if (!is_of_the_system(file)) add(all, setting, fs::weakly_canonical(file));
}

/// What both have, so that sums which an earlier version did not take count for nothing.
bool is_same_file(const nlohmann::json& was, const nlohmann::json& is) {
  for (const auto& [key, value] : was.items())
    if (is.contains(key) && is[key] != value) return false;
  return true;
}

}  // namespace

nlohmann::json fingerprint_inputs(const RunConfig& c) {
  nlohmann::json all = nlohmann::json::object();
  add(all, "model.path", c.model.path);
  add(all, "model.config", c.model.config);
  add(all, "model.tokenizer", c.model.tokenizer);
  add(all, "model.lora.path", c.model.lora.path);
  if (c.rl.kl_coef != 0.0) add(all, "rl.reference", parse_reference(c.rl.reference).path);
  add(all, "data.path", c.data.path);
  add(all, "eval.data.path", c.eval.data.path);
  for (const auto& [key, path] : {std::pair{"data.chat_template", c.data.chat_template},
                                  std::pair{"eval.data.chat_template", c.eval.data.chat_template}})
    if (!rollout::is_template_text(path)) add(all, key, path);
  add(all, "text.path", c.text.path);
  add(all, "text.eval_path", c.text.eval_path);
  add(all, "preference.eval_path", c.preference.eval_path);
  add(all, "reward_model.eval_path", c.reward_model.eval_path);
  add(all, "distill.teacher", c.distill.teacher);
  for (const auto& [setting, rules] :
       {std::pair{"rewards", &c.rewards}, std::pair{"eval.rewards", &c.eval.rewards}})
    for (const auto& rule : *rules) add_rule(all, setting, rule);
  for (const EvalSet& set : c.eval.sets) {
    const std::string place = "eval.sets." + set.name;
    add(all, place + ".data.path", set.data.path);
    if (!rollout::is_template_text(set.data.chat_template))
      add(all, place + ".data.chat_template", set.data.chat_template);
    for (const auto& rule : set.rewards) add_rule(all, place + ".rewards", rule);
  }
  all[kRecipe] = settings_json(c);
  return all;
}

std::vector<std::string> changed_inputs(const nlohmann::json& was, const nlohmann::json& is) {
  std::vector<std::string> changes;
  for (const auto& [setting, files] : was.items()) {
    if (setting == kRecipe) continue;
    for (const auto& [path, before] : files.items()) {
      const bool is_there = is.contains(setting) && is[setting].contains(path);
      if (!is_there)
        changes.push_back(fmt::format("{}: {} is gone", setting, path));
      else if (!is_same_file(before, is[setting][path]))
        changes.push_back(fmt::format("{}: {} changed", setting, path));
    }
  }
  return changes;
}

std::optional<RunConfig> recipe_of_inputs(const nlohmann::json& inputs) {
  if (!inputs.contains(kRecipe)) return std::nullopt;
  RunConfig config;
  read_settings_json(config, inputs[kRecipe], "inputs.json: recipe");
  return config;
}

}  // namespace gradus::rl
