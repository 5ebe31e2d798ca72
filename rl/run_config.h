#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/setting.h"
#include "policy/policy.h"
#include "rewards/reward_set.h"
#include "rl/algorithm_config.h"
#include "rl/ledger.h"
#include "rollout/prompt_source.h"
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

template <class Field>
void describe(RunSettings& c, Field&& field) {
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

template <class Field>
void describe(ModelSettings& c, Field&& field) {
  describe(static_cast<policy::PolicyConfig&>(c), field);
  field("config", c.config, any(),
        "config.json of a fresh model, in place of path: pre-training from random weights");
  field("tokenizer", c.tokenizer, any(), "tokenizer file or folder of a fresh model");
}

template <class Field>
void describe(EvalConfig& c, Field&& field) {
  field.section("data", c.data, "the held-out problems; data.count 0: all of them");
  field("samples", c.samples, at_least(1), "completions per problem, for pass@k and maj@k");
  field("temperature", c.temperature, between(0.0, 100.0), "0: greedy");
  field("max_tokens", c.max_tokens, at_least(0), "longest completion; 0: rollout.max_tokens");
  field("answer_rule", c.answer_rule, any(),
        "name of the rule that says whether an answer is right; empty: the first rule");
  field("right_from", c.right_from, any(), "an answer is right from this grade of that rule on");
  field.tables("rewards", c.rewards, "reward rules of the evaluation; none: those of training");
}

template <class Field>
void describe(TextConfig& c, Field&& field) {
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

template <class Field>
void describe(RewardLimits& c, Field&& field) {
  field("max_failed_share", c.max_failed_share, between(0.0, 1.0),
        "share of a step's gradings that may fail or time out before the run stops");
}

template <class Field>
void describe(RunConfig& c, Field&& field) {
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
