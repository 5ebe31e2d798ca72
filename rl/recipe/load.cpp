#include "rl/recipe/load.h"

#include <system_error>

#include "base/files/atomic_file.h"
#include "policy/formats/checkpoint_name.h"
#include "rl/algorithms/reference_spec.h"
#include "rl/collect/reward_model_rule.h"
#include "rollout/prompts/chat_renderer.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxRecipeBytes = int64_t{16} << 20;

void resolve_path(std::string& path, const fs::path& folder) {
  if (path.empty() || fs::path(path).is_absolute()) return;
  const fs::path beside = folder / path;
  std::error_code ignored;
  path = fs::weakly_canonical(fs::exists(beside, ignored) ? beside : fs::path(path)).string();
}

/// Names of the hub stay names where the cache does not hold them: the error then says what to do.
void resolve_model_path(std::string& path, const fs::path& folder) {
  std::error_code ignored;
  if (path.empty() || fs::exists(folder / path, ignored)) return resolve_path(path, folder);
  const std::string found = policy::resolve_checkpoint_name(path).string();
  const bool is_hub_name = !policy::missing_checkpoint_advice(path).empty();
  if (!is_hub_name || found != path) resolve_path(path = found, folder);
}

}  // namespace

RunConfig load_run_config(const fs::path& recipe, std::span<const std::string> assignments) {
  RunConfig config;
  config.run.steps = kStepsNotGiven;
  read_settings(config, read_file(recipe, kMaxRecipeBytes), recipe.string());
  resolve_paths(config, fs::absolute(recipe).parent_path());
  // Paths given on the command line mean what the shell's user sees: the working directory.
  for (const std::string& assignment : assignments) apply_set(config, assignment);
  resolve_paths(config, fs::current_path());
  fill_in(config);
  check(config, recipe.string());
  return config;
}

void fill_in(RunConfig& config) {
  if (config.run.dir.empty())
    config.run.dir = fs::absolute("runs/" + config.run.name).lexically_normal().string();
  if (config.run.steps == kStepsNotGiven)
    config.run.steps = config.run.epochs > 0.0 ? 0 : RunSettings{}.steps;
  if (config.rl.constant_length == 0)
    config.rl.constant_length = largest_max_tokens(config.schedule, config.rollout.sampling);
}

std::string reward_file(const rewards::RewardConfig& rule) {
  if (!rule.options.contains("file") || !rule.options["file"].is_string()) return "";
  const auto file = rule.options["file"].get<std::string>();
  return file.substr(0, file.rfind(':'));
}

void resolve_paths(RunConfig& c, const fs::path& recipe_folder) {
  std::vector<rollout::DataConfig*> held_out{&c.eval.data};
  std::vector<std::vector<rewards::RewardConfig>*> rule_lists{&c.rewards, &c.eval.rewards};
  for (EvalSet& set : c.eval.sets) {
    held_out.push_back(&set.data);
    rule_lists.push_back(&set.rewards);
  }
  for (std::string* path :
       {&c.model.config, &c.model.tokenizer, &c.model.lora.path, &c.data.path, &c.text.path,
        &c.text.eval_path, &c.preference.eval_path, &c.reward_model.eval_path})
    resolve_path(*path, recipe_folder);
  for (rollout::DataConfig* data : held_out) resolve_path(data->path, recipe_folder);
  resolve_model_path(c.model.path, recipe_folder);
  resolve_model_path(c.distill.teacher, recipe_folder);
  if (parse_reference(c.rl.reference).kind == ReferenceSpec::Kind::checkpoint)
    resolve_model_path(c.rl.reference, recipe_folder);
  held_out.push_back(&c.data);
  for (rollout::DataConfig* data : held_out)
    if (!rollout::is_template_text(data->chat_template))
      resolve_path(data->chat_template, recipe_folder);
  for (auto* rules : rule_lists)
    for (auto& rule : *rules) {
      if (rule.type == kRewardModelRule && rule.options.contains("path") &&
          rule.options["path"].is_string()) {
        auto model = rule.options["path"].get<std::string>();
        resolve_model_path(model, recipe_folder);
        rule.options["path"] = model;
      }
      std::string path = reward_file(rule);
      if (path.empty()) continue;
      const auto function = rule.options["file"].get<std::string>().substr(path.size());
      resolve_path(path, recipe_folder);
      rule.options["file"] = path + function;
    }
  if (!c.run.dir.empty()) c.run.dir = fs::absolute(c.run.dir).lexically_normal().string();
}

}  // namespace gradus::rl
