#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "policy/policy.h"
#include "rewards/reward_set.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/run/ledger.h"
#include "rollout/prompts/prompt_source.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {

enum class TaskKind {
  grpo,      ///< reinforcement learning on `data` with `rewards`
  sft,       ///< supervised fine-tuning on `data`: loss on the responses
  pretrain,  ///< next-token training on `text.path`
};

/// Settings `run.*`.
struct RunSettings {
  TaskKind task = TaskKind::grpo;
  std::string name = "run";
  std::string dir;
  uint64_t seed = 0;
  int64_t steps = 100;
  int threads = 0;
  int64_t checkpoint_every = 50;
  int keep = 2;
  bool keep_best = true;
  int64_t eval_every = 0;
  bool eval_at_start = true;
  int64_t samples_every = 10;
  int64_t log_every = 1;
};

/// Settings `model.*`: a checkpoint, or the two files from which a fresh model is made.
struct ModelSettings : policy::PolicyConfig {
  std::string config;
  std::string tokenizer;
};

/// Settings `eval.*`.
struct EvalConfig {
  rollout::DataConfig data;
  int samples = 1;
  double temperature = 0.0;
  int max_tokens = 0;
  std::string answer_rule;
  double right_from = 1.0;
  std::vector<rewards::RewardConfig> rewards;
};

/// Settings `text.*`: supervised fine-tuning and pre-training.
struct TextConfig {
  std::string path;
  std::string eval_path;
  std::string response;
  int64_t sequence_length = 512;
  int64_t batch_tokens = 8192;
  int64_t microbatch_tokens = 8192;
  double mtp_weight = 0.3;
  MixtureConfig moe;
};

/// Settings `rewards_limits.*`: when grading is too broken to train on.
struct RewardLimits {
  double max_failed_share = 0.05;
};

/// The whole recipe.
struct RunConfig {
  RunSettings run;
  ModelSettings model;
  rollout::DataConfig data;
  rollout::RolloutConfig rollout;
  std::vector<rewards::RewardConfig> rewards;
  RewardLimits rewards_limits;
  AlgorithmConfig rl;
  OptimizerConfig optim;
  EvalConfig eval;
  TextConfig text;
  LedgerConfig ledger;

  bool has_eval_data() const { return !eval.data.path.empty() || !eval.data.task.empty(); }
};

/// Not a template: the recipe's long list is compiled once.
void describe(RunConfig& c, SettingFields& field);

/// Reads a recipe, applies `assignments` ("rl.kl_coef=0.01"), resolves paths and checks everything.
///
/// A relative path in a recipe means the file below the recipe's folder when there is one, else
/// below the working directory; afterwards all paths are absolute, so that the resolved recipe
/// can be resumed from anywhere. `run.dir` is always relative to the working directory.
/// @throws ConfigError, FileError
RunConfig load_run_config(const std::filesystem::path& recipe,
                          std::span<const std::string> assignments);

/// The path of a rule's `file` option ("rewards.py:function"), or empty: the rule has none.
std::string reward_file(const rewards::RewardConfig& rule);

/// Makes all paths absolute, as above.
void resolve_paths(RunConfig& config, const std::filesystem::path& recipe_folder);

/// What no single setting can say: a task without its data, rewards or model.
/// @throws ConfigError  naming the setting.
void check(const RunConfig& config, const std::string& source);

/// Settings that a resumed run may not change without being told so by name, because the result
/// would no longer be a function of one recipe. Free to change: more run.steps; how often the run
/// records, saves and evaluates; rollout.workers, threads, memory and drafts; the ledger's rates.
std::vector<SettingDifference> differences_that_matter(const RunConfig& was, const RunConfig& is);

}  // namespace gradus::rl
