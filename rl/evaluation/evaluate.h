#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "policy/tokenizer/load_tokenizer.h"
#include "rewards/reward_set.h"
#include "rl/collect/group.h"
#include "rl/evaluation/accuracy.h"
#include "rl/evaluation/eval_config.h"
#include "rl/learn/metrics.h"
#include "rl/parallel/communicator.h"
#include "rollout/engine/sampling.h"
#include "rollout/prompts/prompt_source.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {

/// Settings of an evaluation, and what they leave to those of training.
struct EvalPlan {
  EvalConfig eval;
  std::vector<rewards::RewardConfig> rewards;
  rollout::SamplingConfig sampling;  ///< what eval.* does not set
  uint64_t seed = 0;                 ///< of the run
  std::string place = "eval";        ///< whose settings these are, for errors
};

/// The seed of a generated task's held-out problems. @param seed  eval.seed.
uint64_t evaluation_seed(uint64_t seed);

/// One held-out problem with what was made of it.
struct EvalProblem {
  Group group;                       ///< completions and grades by rule
  std::vector<uint8_t> is_right;     ///< [samples]
  std::vector<std::string> answers;  ///< [samples] normalised: equal answers are equal texts
};

struct EvalResult {
  Estimate accuracy;                                ///< mean over problems of the share right
  std::vector<std::pair<int64_t, double>> pass_at;  ///< k = 1, 2, 4, ... samples: pass@k
  std::vector<std::pair<int64_t, double>> maj_at;   ///< the same k: majority of the first k
  std::map<std::string, double> rule_means;         ///< over scored completions
  std::map<std::string, int64_t> rule_failed;     ///< completions left out of the mean; no entry: 0
  std::map<std::string, int64_t> rule_timed_out;  ///< the same
  int64_t num_problems = 0;                       ///< that count
  int64_t num_skipped = 0;  ///< left out: the answer rule had nothing to say (no gold answer)
  int64_t num_failed = 0;   ///< completions counted as wrong: rollout or rule failed
  double truncated_share = 0.0;
  double mean_tokens = 0.0;
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  double flops = 0.0;
  double seconds = 0.0;
  std::vector<EvalProblem> problems;
  std::vector<std::string> rule_names;
};

/// Accuracy on held-out problems by sampling and a reward rule.
///
///   right      the answer rule's grade is scored and >= eval.right_from
///   accuracy   mean over problems of the share of right samples, with its 95 % interval
///              (rl/evaluation/accuracy.h: Wilson's for one sample each, else of a mean over
///              problems)
///   pass@k     unbiased, mean over problems
///   maj@k      share of problems where the commonest answer of the first k samples is right;
///              the earliest of equally common ones; answers compare by the rule's own reading
///              (`answer` of its details) or, without one, by the completion's last line
///
/// Problems are the same in every run (eval.seed), random streams in every evaluation of a run, so
/// that two steps differ by the weights alone, and the result depends on neither workers nor
/// batching.
class Evaluator {
 public:
  /// @throws ConfigError  eval.answer_rule names no rule; FileError  no problems.
  Evaluator(const EvalPlan& plan, const policy::LoadedTokenizer& tokenizer, int max_context);

  using Progress = std::function<void(int64_t done, int64_t total)>;

  /// Nothing when it was stopped.
  /// @param num_threads  for grading.
  /// @param ranks        share the problems; null: alone.
  std::optional<EvalResult> evaluate(const policy::Policy& policy, rollout::RolloutPool& pool,
                                     int num_threads, std::stop_token stop,
                                     const Progress& progress, Communicator* ranks = nullptr);

  int64_t num_problems() const { return num_problems_; }

 private:
  std::vector<rollout::RolloutRequest> requests_for(int64_t begin, int64_t end) const;

  EvalConfig config_;
  rollout::SamplingConfig sampling_;
  uint64_t seed_;
  std::unique_ptr<rollout::PromptSource> prompts_;
  rewards::RewardSet rules_;
  size_t answer_rule_ = 0;
  int64_t num_problems_ = 0;
};

/// Fills accuracy, pass_at and maj_at from `result.problems`, which have `samples` answers each.
void sum_up_answers(EvalResult& result, int64_t samples);

/// "eval/accuracy", "eval/accuracy/low", "eval/accuracy/high", "eval/pass@k", "eval/maj@k",
/// "eval/rewards/<rule>", "eval/mean_length", "eval/clipped_ratio", "eval/problems",
/// "eval/skipped", "eval/failed", "time/eval".
Metrics eval_metrics(const EvalResult& result);

/// One JSON line per problem: {"id", "prompt", "right", "samples": [{"completion", "answer",
/// "is_right", "finish", "error", "num_tokens", "grades"}]}.
/// @param set  of one of eval.sets: its name, as "set" of each line; else empty.
std::string eval_lines(const EvalResult& result, const std::string& set = {});

}  // namespace gradus::rl
