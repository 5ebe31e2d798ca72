#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rl/learn/mixture_training.h"

namespace gradus::rl {

/// What a group's centred rewards are divided by; see rl/algorithms/advantages/advantage.h.
enum class ScaleRewards {
  group,  ///< the group's standard deviation (GRPO)
  batch,  ///< the standard deviation over the whole batch
  none,   ///< nothing (Dr. GRPO)
};

/// How the values of several rules become one advantage; see rl/algorithms/advantages/advantage.h.
enum class RewardCombination {
  sum_then_normalize,  ///< the weighted sum is compared within the group
  normalize_then_sum,  ///< each rule's values are compared within the group, then summed (GDPO)
};

/// How per-token losses become one number; see rl/algorithms/aggregation.h.
enum class Aggregation { token_mean, sequence_mean, sequence_mean_constant, sequence_sum };

/// Value of the per-token KL estimate; see rl/algorithms/kl.h.
enum class KlEstimator { k1, k2, k3 };

/// Gradient of the per-token KL estimate; see rl/algorithms/kl.h.
enum class KlGradient {
  ratio,  ///< the estimate is multiplied by the policy's ratio (DeepSeek-V3.2)
  k2,     ///< the estimate's value with k2's gradient
  own,    ///< the estimate's own gradient: biased for k3, zero in expectation for k1
};

/// What becomes of the sampler's choices of experts in a model with mixtures.
enum class RoutingUse {
  off,      ///< not kept
  compare,  ///< kept, and compared with those of training
  replay,   ///< kept, and obeyed in training (rollout routing replay, arXiv:2510.11370)
};

/// Correction of the difference between sampler and trainer; see rl/algorithms/mismatch.h.
enum class MismatchMode { none, token_truncate, token_mask, sequence_truncate, sequence_mask };

/// Settings `rl.mismatch.*`.
struct MismatchConfig {
  MismatchMode mode = MismatchMode::none;
  double max = 3.0;
  double min = 0.0;
};

/// Settings `rl.dynamic_sampling.*` (DAPO, arXiv:2503.14476, section 3.2).
struct DynamicSamplingConfig {
  bool enable = false;
  int max_batches = 10;
};

/// Settings `rl.*`: the algorithm of one update.
struct AlgorithmConfig {
  int group_size = 8;
  int prompts_per_step = 8;
  int epochs = 1;
  int minibatches = 1;
  int64_t microbatch_tokens = 2048;

  RewardCombination combine_rewards = RewardCombination::sum_then_normalize;
  ScaleRewards scale_rewards = ScaleRewards::group;
  double std_floor = 1e-4;

  std::string loss = "grpo";
  Aggregation aggregation = Aggregation::token_mean;
  int constant_length = 0;
  double clip_ratio_low = 0.2;
  double clip_ratio_high = 0.2;
  double dual_clip = 0.0;
  double delta = 0.0;
  double sapo_temperature_positive = 1.0;
  double sapo_temperature_negative = 1.05;

  double kl_coef = 0.0;
  KlEstimator kl_estimator = KlEstimator::k3;
  KlGradient kl_gradient = KlGradient::ratio;
  int reference_update_every = 0;

  double entropy_coef = 0.0;
  double mtp_weight = 0.0;
  RoutingUse routing = RoutingUse::off;
  MixtureConfig moe;
  bool mask_truncated = false;
  bool skip_zero_advantage = false;
  MismatchConfig mismatch;
  DynamicSamplingConfig dynamic_sampling;
};

enum class Schedule { constant, linear, cosine };

/// Settings `optim.*`.
struct OptimizerConfig {
  std::string kind = "adamw";
  double lr = 1e-6;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;
  double max_grad_norm = 1.0;
  Schedule schedule = Schedule::constant;
  int64_t warmup_steps = 0;
  double min_lr_ratio = 0.0;
  int max_skipped_steps = 3;
};

template <class Field>
void describe(MismatchConfig& c, Field&& field) {
  field("mode", c.mode,
        one_of<MismatchMode>({{"none", MismatchMode::none},
                              {"token_truncate", MismatchMode::token_truncate},
                              {"token_mask", MismatchMode::token_mask},
                              {"sequence_truncate", MismatchMode::sequence_truncate},
                              {"sequence_mask", MismatchMode::sequence_mask}}),
        "importance weight of trainer over sampler: held within [min, max] (truncate) or 0 outside "
        "(mask)");
  field("max", c.max, positive(), "upper bound of the weight");
  field("min", c.min, at_least(0.0), "lower bound of the weight");
}

template <class Field>
void describe(DynamicSamplingConfig& c, Field&& field) {
  field("enable", c.enable, any(), "sample on until prompts_per_step groups have unequal rewards");
  field("max_batches", c.max_batches, at_least(1), "batches sampled for one step at most");
}

template <class Field>
void describe(AlgorithmConfig& c, Field&& field) {
  field("group_size", c.group_size,
        at_least(2).hint("One completion has no group to be compared with; try 8."),
        "completions per prompt");
  field("prompts_per_step", c.prompts_per_step, at_least(1), "prompts, hence groups, of one step");
  field("epochs", c.epochs, at_least(1), "passes over a batch");
  field("minibatches", c.minibatches, at_least(1), "optimizer steps of one pass over a batch");
  field("microbatch_tokens", c.microbatch_tokens, at_least(1),
        "rows that go through the model together; changes memory and speed, not the result");
  field("combine_rewards", c.combine_rewards,
        one_of<RewardCombination>({{"sum_then_normalize", RewardCombination::sum_then_normalize},
                                   {"normalize_then_sum", RewardCombination::normalize_then_sum}}),
        "rules are summed and the sum compared within the group, or each is compared by itself, so "
        "that none drowns the others (GDPO)");
  field("scale_rewards", c.scale_rewards,
        one_of<ScaleRewards>({{"group", ScaleRewards::group},
                              {"batch", ScaleRewards::batch},
                              {"none", ScaleRewards::none}}),
        "advantages are divided by the rewards' deviation in the group, in the batch, or not (Dr. "
        "GRPO)");
  field("std_floor", c.std_floor, at_least(0.0), "added to that deviation");
  field("loss", c.loss, non_empty(),
        "policy loss: grpo (PPO's clip), gspo, cispo, sapo, reinforce");
  field("aggregation", c.aggregation,
        one_of<Aggregation>({{"token_mean", Aggregation::token_mean},
                             {"sequence_mean", Aggregation::sequence_mean},
                             {"sequence_mean_constant", Aggregation::sequence_mean_constant},
                             {"sequence_sum", Aggregation::sequence_sum}}),
        "token_mean (DAPO), sequence_mean (GRPO), sequence_mean_constant (Dr. GRPO), sequence_sum");
  field("constant_length", c.constant_length, at_least(0),
        "tokens by which sequence_mean_constant divides; 0: rollout.max_tokens");
  field("clip_ratio_low", c.clip_ratio_low, at_least(0.0), "the ratio is held above 1 - this");
  field("clip_ratio_high", c.clip_ratio_high, at_least(0.0),
        "the ratio is held below 1 + this; DAPO: 0.28");
  field("dual_clip", c.dual_clip, at_least(0.0),
        "bound on the ratio where the advantage is negative, above 1 (dual-clip PPO: 3); 0: none");
  field("delta", c.delta, at_least(0.0),
        "bound on the unclipped ratio, above 1 + clip_ratio_high (INTELLECT-2); 0: none");
  field("sapo_temperature_positive", c.sapo_temperature_positive, positive(),
        "loss sapo: temperature where the advantage is positive");
  field("sapo_temperature_negative", c.sapo_temperature_negative, positive(),
        "loss sapo: temperature where it is negative");
  field("kl_coef", c.kl_coef, at_least(0.0),
        "weight of KL(policy || reference); 0: no reference policy");
  field("kl_estimator", c.kl_estimator,
        one_of<KlEstimator>(
            {{"k1", KlEstimator::k1}, {"k2", KlEstimator::k2}, {"k3", KlEstimator::k3}}),
        "value of the KL estimate");
  field("kl_gradient", c.kl_gradient,
        one_of<KlGradient>(
            {{"ratio", KlGradient::ratio}, {"k2", KlGradient::k2}, {"own", KlGradient::own}}),
        "gradient of the KL estimate: ratio (DeepSeek-V3.2) and k2 are unbiased on-policy");
  field("reference_update_every", c.reference_update_every, at_least(0),
        "steps after which the reference becomes the policy; 0: never");
  field("entropy_coef", c.entropy_coef, at_least(0.0), "weight of the entropy bonus");
  field("mtp_weight", c.mtp_weight, at_least(0.0),
        "weight of the loss of multi-token prediction on sampled tokens, which trains the modules "
        "alone, as drafts for rollout.speculative; 0: they stay as they are");
  field("routing", c.routing,
        one_of<RoutingUse>({{"off", RoutingUse::off},
                            {"compare", RoutingUse::compare},
                            {"replay", RoutingUse::replay}}),
        "mixtures of experts: the sampler's choices are forgotten (off), compared with training's "
        "as moe/replay_difference, or obeyed in training as well (replay)");
  field.section("moe", c.moe, "load of the experts of mixtures");
  field("mask_truncated", c.mask_truncated, any(),
        "leave completions that hit max_tokens out of the loss");
  field(
      "skip_zero_advantage", c.skip_zero_advantage, any(),
      "do not compute completions that cannot change the gradient; metrics then tell of the rest");
  field.section("mismatch", c.mismatch, "correction of the difference between sampler and trainer");
  field.section("dynamic_sampling", c.dynamic_sampling, "sampling on until groups have a signal");
}

template <class Field>
void describe(OptimizerConfig& c, Field&& field) {
  field("kind", c.kind, non_empty(),
        "adamw: moments in float32; adamw_8bit: moments in 8 bits each, a quarter of the memory");
  field("lr", c.lr, at_least(0.0), "highest learning rate");
  field("beta1", c.beta1, between(0.0, 1.0), "AdamW: decay of the gradient's mean");
  field("beta2", c.beta2, between(0.0, 1.0), "AdamW: decay of the gradient's square");
  field("eps", c.eps, positive(), "AdamW: added to the denominator");
  field("weight_decay", c.weight_decay, at_least(0.0), "of matrices; norms and biases never decay");
  field("max_grad_norm", c.max_grad_norm, at_least(0.0),
        "the gradient is scaled down to this norm; 0: never");
  field("schedule", c.schedule,
        one_of<Schedule>({{"constant", Schedule::constant},
                          {"linear", Schedule::linear},
                          {"cosine", Schedule::cosine}}),
        "of the learning rate, after warm-up");
  field("warmup_steps", c.warmup_steps, at_least(0), "steps of linear warm-up");
  field("min_lr_ratio", c.min_lr_ratio, between(0.0, 1.0), "share of lr at the schedule's end");
  field("max_skipped_steps", c.max_skipped_steps, at_least(1),
        "skipped steps in a row after which the run stops");
}

/// What no single field can say: an unknown loss, bounds that contradict each other, more
/// minibatches than groups.
/// @throws ConfigError  naming the setting.
void check(const AlgorithmConfig& config);
void check(const OptimizerConfig& config);

}  // namespace gradus::rl
