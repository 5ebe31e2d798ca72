#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "policy/tokenizer/load_tokenizer.h"
#include "rewards/reward_set.h"
#include "rl/collect/group.h"
#include "rl/learn/learner.h"
#include "rl/run/run.h"
#include "rollout/prompts/prompt_source.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {

/// What a collector samples and keeps.
struct CollectSettings {
  rollout::DataConfig data;
  rollout::RolloutConfig rollout;
  std::vector<rewards::RewardConfig> rewards;
  double max_failed_share = 0.05;  ///< of a batch's gradings
  uint64_t seed = 0;
  int group_size = 8;
  int num_groups = 8;                        ///< wanted for a step
  int64_t max_rounds = 1;                    ///< batches sampled for one step at most
  std::optional<double> stop_properly_coef;  ///< of completions cut off (rl/collect/shaping.h)
  bool samples_greedy = false;  ///< each group has the reward of a greedy completion as well
  bool keeps_experts = false;   ///< records have the sampler's choices of experts
  /// Whether a group goes into the update; those that do not are replaced. Empty: all do.
  std::function<bool(const Group&)> is_kept;
};

/// A step's groups on their way through it.
struct Collection {
  std::vector<Group> used;     ///< go into the update
  std::vector<Group> dropped;  ///< without signal, replaced
  int64_t cursor = 0;          ///< of the next step
  int64_t rounds = 0;
  rollout::RolloutStats stats;
  double sample_s = 0.0;
  double grade_s = 0.0;
  std::vector<double> rule_s;  ///< [rule] of grading, summed over threads
};

/// Samples and grades the groups of a step:
///
///     sample ──▶ grade ──▶ keep?  ──▶ used
///       ▲                    └─ no ─▶ dropped; as many further prompts, up to max_rounds times
///       └─────────────────────────────┘
///
///   sample     prompts from the cursor on, group_size completions each
///   grade      every reward rule on every completion; their weighted sum is the reward
///
/// What it collects is a function of (settings, step, cursor) and the policy's weights, which must
/// not change meanwhile. Ranks share the work (rl/collect/shared_sampling.h). One thread at a time.
class Collector {
 public:
  /// @param run, learner  outlive the collector.
  Collector(CollectSettings settings, Run& run, Learner& learner);

  /// Nothing when it was stopped. Where no group was kept, none is used: the update is left out.
  /// @throws Error  every rollout failed, or another policy's weights sampled one;
  ///                rewards::... too many gradings failed.
  std::optional<Collection> collect(int64_t step, int64_t cursor) {
    return collect(step, cursor, settings_.rollout.sampling);
  }
  /// The same with other sampling than the settings'.
  std::optional<Collection> collect(int64_t step, int64_t cursor,
                                    const rollout::SamplingConfig& sampling);

  rollout::RolloutPool& pool() { return pool_; }
  const rollout::PromptSource& prompts() const { return *prompts_; }
  std::vector<std::string> rule_names() const { return rules_.rule_names(); }

 private:
  std::vector<rollout::RolloutRequest> requests_for(int64_t step, int64_t count,
                                                    const rollout::SamplingConfig& sampling,
                                                    int64_t& cursor) const;
  std::optional<std::vector<Group>> sample(std::vector<rollout::RolloutRequest> requests,
                                           int64_t step, Collection& collection);
  bool add_greedy(std::vector<Group>& groups, int64_t step, Collection& collection);

  CollectSettings settings_;
  Run& run_;
  Learner& learner_;
  std::unique_ptr<rollout::PromptSource> prompts_;
  rewards::RewardSet rules_;
  rollout::RolloutPool pool_;
};

/// Tells of rows that were left out, and of rows that repeat.
void warn_about(const rollout::PromptSource& prompts, RunObserver& observer);

}  // namespace gradus::rl
