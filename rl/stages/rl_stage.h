#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "rewards/reward_set.h"
#include "rl/collect/group.h"
#include "rl/evaluation/evaluate.h"
#include "rl/observe/reward_watch.h"
#include "rl/recipe/run_config.h"
#include "rl/run/run.h"
#include "rl/update/reference_policy.h"
#include "rl/update/update.h"
#include "rollout/prompts/prompt_source.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {

/// Reinforcement learning, step by step:
///
///     sample ──▶ grade ──▶ advantage ──▶ loss ──▶ step ──▶ publish
///       ▲                                                     │
///       └────────────── policy weights, version n + 1 ◀───────┘
///
///   sample     prompts_per_step prompts from the cursor on, group_size completions each
///   grade      every reward rule on every completion; their weighted sum is the reward
///   advantage  each completion against its group
///   loss, step, publish   rl/update/update.h
///
/// With dynamic sampling, groups whose rewards are all exactly equal are left out of the update
/// and as many further prompts are sampled, up to max_batches times; where that ends short, the
/// update has fewer groups. A step is a function of (recipe, seed, step, cursor).
class Trainer : public StepTask {
 public:
  explicit Trainer(TrainingRun& run);

  std::optional<StepReport> make_step(TrainingRun& run, int64_t step) override;
  bool can_evaluate() const override { return evaluator_.has_value(); }
  std::optional<EvalReport> evaluate(TrainingRun& run, int64_t step) override;

 private:
  /// A step's groups on their way through it.
  struct Batch {
    std::vector<Group> used;     ///< go into the update
    std::vector<Group> dropped;  ///< without signal, replaced
    int64_t cursor = 0;          ///< of the next step
    int64_t rounds = 0;
    rollout::RolloutStats stats;
    double sample_s = 0.0;
    double grade_s = 0.0;
    std::vector<double> rule_s;  ///< [rule] of grading, summed over threads
  };

  std::optional<Batch> collect(TrainingRun& run, int64_t step);
  std::vector<rollout::Rollout> sample(TrainingRun& run, int64_t step, int64_t count, Batch& batch);
  std::vector<Group> grade(TrainingRun& run, std::vector<rollout::Rollout> rollouts, int64_t step,
                           Batch& batch);
  void keep(std::vector<Group> groups, Batch& batch) const;
  StepReport report(TrainingRun& run, int64_t step, Batch batch, const UpdateResult& update,
                    double seconds);

  const RunConfig& config_;
  std::unique_ptr<rollout::PromptSource> prompts_;
  rewards::RewardSet rules_;
  rollout::RolloutPool pool_;
  std::optional<Evaluator> evaluator_;
  RewardWatch watch_;
  ReferencePolicy reference_;
};

}  // namespace gradus::rl
