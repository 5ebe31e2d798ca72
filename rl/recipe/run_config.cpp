#include "rl/recipe/run_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/error.h"
#include "base/files/atomic_file.h"

namespace gradus::rl {

void describe(RunSettings& c, SettingFields& field) {
  field("task", c.task,
        one_of<TaskKind>(
            {{"grpo", TaskKind::grpo}, {"sft", TaskKind::sft}, {"pretrain", TaskKind::pretrain}}),
        "reinforcement learning, supervised fine-tuning, or next-token training on text");
  field("name", c.name, non_empty(), "of the run, for people");
  field("dir", c.dir, any(), "folder of the run's records; empty: runs/NAME");
  field("seed", c.seed, any(), "same recipe and seed: same result, bit for bit");
  field("steps", c.steps, at_least(1), "optimizer steps (groups of a batch are one step)");
  field("threads", c.threads, at_least(0), "compute threads; 0: all cores");
  field("checkpoint_every", c.checkpoint_every, at_least(0),
        "steps between checkpoints; 0: at the end and when stopped alone");
  field("keep", c.keep, at_least(1), "newest checkpoints that are kept");
  field("keep_best", c.keep_best, any(),
        "keep the checkpoint with the best evaluation as well, and export it as best/");
  field("eval_every", c.eval_every, at_least(0), "steps between evaluations; 0: none");
  field("eval_at_start", c.eval_at_start, any(), "evaluate before the first step, as step 0");
  field("samples_every", c.samples_every, at_least(0),
        "steps between sample files (all completions with their grades); 0: none");
  field("log_every", c.log_every, at_least(1),
        "steps between TensorBoard points; metrics.jsonl has every step");
}

void describe(ModelSettings& c, SettingFields& field) {
  describe(static_cast<policy::PolicyConfig&>(c), field);
  field("config", c.config, any(),
        "config.json of a fresh model, in place of path: pre-training from random weights");
  field("tokenizer", c.tokenizer, any(), "tokenizer file or folder of a fresh model");
}

void describe(EvalConfig& c, SettingFields& field) {
  field.section("data", c.data, "the held-out problems; data.count 0: all of them");
  field("samples", c.samples, at_least(1), "completions per problem, for pass@k and maj@k");
  field("temperature", c.temperature, between(0.0, 100.0), "0: greedy");
  field("max_tokens", c.max_tokens, at_least(0), "longest completion; 0: rollout.max_tokens");
  field("answer_rule", c.answer_rule, any(),
        "name of the rule that says whether an answer is right; empty: the first rule");
  field("right_from", c.right_from, any(), "an answer is right from this grade of that rule on");
  field.tables("rewards", c.rewards, "reward rules of the evaluation; none: those of training");
}

void describe(TextConfig& c, SettingFields& field) {
  field("path", c.path, any(),
        "JSONL with `text`, or with `prompt` and `response`, .gz too (pretrain)");
  field("eval_path", c.eval_path, any(), "the same form, held out: the evaluation's loss");
  field("response", c.response, any(),
        "column of `data` to learn (sft); empty: response, completion or answer");
  field("sequence_length", c.sequence_length, at_least(2),
        "longer texts are cut into pieces of this length (pretrain)");
  field("batch_tokens", c.batch_tokens, at_least(2), "tokens of one step, about");
  field("microbatch_tokens", c.microbatch_tokens, at_least(1),
        "rows that go through the model together; changes memory and speed, not the result");
  field("mtp_weight", c.mtp_weight, at_least(0.0),
        "weight of the loss of multi-token prediction, where the model has modules and they are "
        "trained (no adapters); DeepSeek-V3: 0.3, later 0.1");
  field.section("moe", c.moe, "load of the experts of mixtures");
}

void describe(RewardLimits& c, SettingFields& field) {
  field("max_failed_share", c.max_failed_share, between(0.0, 1.0),
        "share of a step's gradings that may fail or time out before the run stops");
}

void describe(RunConfig& c, SettingFields& field) {
  field.section("run", c.run, "the run itself");
  field.section("model", c.model, "the policy");
  field.section("data", c.data, "training prompts");
  field.section("rollout", c.rollout, "how completions are sampled");
  field.tables("rewards", c.rewards, "reward rules; a completion's reward is their weighted sum");
  field.section("rewards_limits", c.rewards_limits, "when grading is too broken to train on");
  field.section("rl", c.rl, "the algorithm");
  field.section("optim", c.optim, "how weights move");
  field.section("eval", c.eval, "held-out problems");
  field.section("text", c.text, "supervised fine-tuning and pre-training");
  field.section("ledger", c.ledger, "what a device costs");
}
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxRecipeBytes = int64_t{16} << 20;

// Settings that change records, speed or memory, never the weights: see differences_that_matter.
constexpr std::array kFreeSettings{"run.steps",
                                   "run.name",
                                   "run.dir",
                                   "run.keep",
                                   "run.keep_best",
                                   "run.checkpoint_every",
                                   "run.eval_every",
                                   "run.samples_every",
                                   "run.log_every",
                                   "run.threads",
                                   "rollout.workers",
                                   "rollout.speculative",
                                   "rollout.threads",
                                   "rollout.kv_cache_mb",
                                   "rollout.max_sequences",
                                   "rollout.prefill_rows",
                                   "rewards_limits.max_failed_share",
                                   "optim.max_skipped_steps"};

void resolve_path(std::string& path, const fs::path& folder) {
  if (path.empty() || fs::path(path).is_absolute()) return;
  const fs::path beside = folder / path;
  std::error_code ignored;
  path = fs::weakly_canonical(fs::exists(beside, ignored) ? beside : fs::path(path)).string();
}

void check_grpo(const RunConfig& c, const std::string& source) {
  if (c.data.path.empty() && c.data.task.empty())
    throw ConfigError(source +
                      ": data.path: is empty, and so is data.task. Name a JSONL file of "
                      "questions, or a generated task");
  if (c.rewards.empty())
    throw ConfigError(source + ": rewards: there is no rule. Add at least one [[rewards]] table");
  if (c.rollout.sampling.temperature <= 0.0)
    throw ConfigError(source +
                      ": rollout.temperature: is 0, must be > 0. Greedy completions of "
                      "one prompt are all equal and teach nothing; try 1.0");
}

void check_eval(const RunConfig& c, const std::string& source) {
  if (c.run.eval_every > 0 && !c.has_eval_data() && c.text.eval_path.empty())
    throw ConfigError(source +
                      ": eval.data.path: is empty although run.eval_every > 0. Name "
                      "held-out data, or set run.eval_every = 0");
  if (c.eval.samples > 1 && c.eval.temperature <= 0.0)
    throw ConfigError(
        fmt::format("{}: eval.temperature: is 0, must be > 0 with eval.samples = {}. "
                    "Greedy samples are all equal; try 0.6",
                    source, c.eval.samples));
  if (c.has_eval_data() && c.eval.data.path.empty() && c.eval.data.count == 0)
    throw ConfigError(source +
                      ": eval.data.count: is 0, must be >= 1 for a generated task, which "
                      "has no end");
  if (c.has_eval_data() && c.eval.rewards.empty() && c.rewards.empty())
    throw ConfigError(source + ": eval.rewards: there is no rule that says which answer is right");
}

void check_model(const RunConfig& c, const std::string& source) {
  const bool is_fresh = !c.model.config.empty();
  if (c.model.path.empty() && !is_fresh)
    throw ConfigError(source +
                      ": model.path: is empty. Name a checkpoint, or model.config and "
                      "model.tokenizer for a fresh model");
  if (is_fresh && !c.model.path.empty())
    throw ConfigError(source + ": model.config: given beside model.path; use one of them");
  if (is_fresh && c.model.lora.rank > 0)
    throw ConfigError(source +
                      ": model.lora.rank: is above 0 with model.config. A fresh model has "
                      "no weights to adapt; train them all");
  if (is_fresh && c.model.tokenizer.empty())
    throw ConfigError(source + ": model.tokenizer: is empty. A fresh model needs a tokenizer");
}

}  // namespace

RunConfig load_run_config(const fs::path& recipe, std::span<const std::string> assignments) {
  RunConfig config;
  read_settings(config, read_file(recipe, kMaxRecipeBytes), recipe.string());
  resolve_paths(config, fs::absolute(recipe).parent_path());
  // Paths given on the command line mean what the shell's user sees: the working directory.
  for (const std::string& assignment : assignments) apply_set(config, assignment);
  resolve_paths(config, fs::current_path());
  if (config.rl.constant_length == 0) {
    config.rl.constant_length = config.rollout.sampling.max_tokens;
  }
  check(config, recipe.string());
  return config;
}

std::string reward_file(const rewards::RewardConfig& rule) {
  if (!rule.options.contains("file") || !rule.options["file"].is_string()) return "";
  const auto file = rule.options["file"].get<std::string>();
  return file.substr(0, file.rfind(':'));
}

void resolve_paths(RunConfig& c, const fs::path& recipe_folder) {
  for (std::string* path : {&c.model.path, &c.model.config, &c.model.tokenizer, &c.model.lora.path,
                            &c.data.path, &c.eval.data.path, &c.text.path, &c.text.eval_path})
    resolve_path(*path, recipe_folder);
  for (auto* rules : {&c.rewards, &c.eval.rewards})
    for (auto& rule : *rules) {
      std::string path = reward_file(rule);
      if (path.empty()) continue;
      const auto function = rule.options["file"].get<std::string>().substr(path.size());
      resolve_path(path, recipe_folder);
      rule.options["file"] = path + function;
    }
  if (c.run.dir.empty()) c.run.dir = "runs/" + c.run.name;
  c.run.dir = fs::absolute(c.run.dir).lexically_normal().string();
}

void check(const RunConfig& config, const std::string& source) {
  check_settings(config, source);
  check_model(config, source);
  check_eval(config, source);
  check(config.rl);
  check(config.optim);
  if (config.run.task == TaskKind::grpo) check_grpo(config, source);
  if (config.run.task == TaskKind::sft && config.data.path.empty() && config.data.task.empty())
    throw ConfigError(source + ": data.path: is empty. Name a JSONL file of prompts and responses");
  if (config.run.task == TaskKind::pretrain && config.text.path.empty())
    throw ConfigError(source + ": text.path: is empty. Name a JSONL file of texts");
}

std::vector<SettingDifference> differences_that_matter(const RunConfig& was, const RunConfig& is) {
  std::vector<SettingDifference> differences = compare_settings(was, is);
  std::erase_if(differences, [&](const SettingDifference& difference) {
    if (difference.key == "run.steps") return is.run.steps > was.run.steps;
    return difference.key.starts_with("ledger.") ||
           std::ranges::find(kFreeSettings, difference.key) != kFreeSettings.end();
  });
  return differences;
}

}  // namespace gradus::rl
