#include "rl/algorithms/algorithm_config.h"

#include <fmt/format.h>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/algorithms/kl/kl.h"
#include "rl/algorithms/losses/policy_loss.h"
#include "rl/algorithms/mismatch/mismatch.h"
#include "rl/algorithms/reference_spec.h"

namespace gradus::rl {
namespace {

std::vector<std::string> mismatch_modes() {
  std::vector<std::string> names = mismatch_corrections().names();
  names.insert(names.begin(), "none");
  return names;
}

void check_bounds(const AlgorithmConfig& c) {
  if (c.dual_clip != 0.0 && c.dual_clip <= 1.0) {
    throw ConfigError(fmt::format(
        "rl.dual_clip: is {}, must be 0 (none) or above 1. At 1 or below it would hold back "
        "tokens whose ratio has not moved; try 3.",
        c.dual_clip));
  }
  if (c.delta != 0.0 && c.delta <= 1.0 + c.clip_ratio_high) {
    throw ConfigError(fmt::format(
        "rl.delta: is {}, must be 0 (none) or above 1 + rl.clip_ratio_high = {}; try {}", c.delta,
        1.0 + c.clip_ratio_high, 2.0 + 2.0 * c.clip_ratio_high));
  }
  if (c.mismatch.min > c.mismatch.max) {
    throw ConfigError(fmt::format("rl.mismatch.min: is {}, must be at most rl.mismatch.max = {}",
                                  c.mismatch.min, c.mismatch.max));
  }
}

void check_reference(const AlgorithmConfig& c) {
  const auto reference = parse_reference(c.reference);
  const bool is_whole_policy = reference.kind == ReferenceSpec::Kind::start;
  if (c.reference_update_every > 0 && !is_whole_policy &&
      reference.kind != ReferenceSpec::Kind::base)
    throw ConfigError(
        fmt::format("rl.reference_update_every: is {}, and rl.reference is {}; use one of them",
                    c.reference_update_every, c.reference));
  if (reference.kind == ReferenceSpec::Kind::none && c.kl_coef != 0.0)
    throw ConfigError("rl.reference: is none, but rl.kl_coef is not 0; set it to 0");
}

void check_rewards(const AlgorithmConfig& c) {
  if (c.kl_controller.is_used() && c.kl_coef <= 0.0)
    throw ConfigError(
        "rl.kl_controller: rl.kl_coef is 0, must be above 0: it is where the coefficient begins");
  if (c.entropy_controller.min > c.entropy_controller.max)
    throw ConfigError("rl.entropy_controller.min: must be at most max");
  if (c.kl_in_reward && c.kl_coef <= 0.0)
    throw ConfigError("rl.kl_in_reward: rl.kl_coef is 0, must be above 0; try 0.001");
  if (c.advantage == "normalize_then_sum" && c.scale_rewards != ScaleRewards::group) {
    throw ConfigError(
        "rl.scale_rewards: must be group with rl.advantage = normalize_then_sum, which "
        "divides each rule by its own deviation in the group, and the sum by the batch's");
  }
  if (c.length_shaping.is_used() && c.advantage != "sum_then_normalize") {
    throw ConfigError(
        "rl.length_shaping: acts on the sum of the rules' rewards, which rl.advantage = "
        "sum_then_normalize compares; set its weights to 0");
  }
  if (c.kl_in_reward && c.advantage == "normalize_then_sum") {
    throw ConfigError(
        "rl.kl_in_reward: normalize_then_sum compares each rule by itself, and the KL is none of "
        "them; choose another rl.advantage");
  }
}

}  // namespace

void describe(MismatchConfig& c, SettingFields& field) {
  field("mode", c.mode, one_of(mismatch_modes()),
        "importance weight of trainer over sampler: held within [min, max] (truncate) or 0 outside "
        "(mask)");
  field("max", c.max, positive(), "upper bound of the weight");
  field("min", c.min, at_least(0.0), "lower bound of the weight");
  field("max_log_ratio", c.max_log_ratio, at_least(0.0),
        "bound of the weight's logarithm, either way; 0: none");
  field("batch_normalize", c.batch_normalize, any(),
        "weights are divided by their mean over a microbatch");
  c.corrections.describe_sections(field);
}

void describe(LengthShapingConfig& c, SettingFields& field) {
  field("output_weight", c.output_weight, at_least(0.0),
        "share of the group's mean reward that the completion with the most sampled tokens loses, "
        "others in proportion (prime-rl: 0.25)");
  field("input_weight", c.input_weight, at_least(0.0), "the same of tokens read (0.1)");
  field("turns_weight", c.turns_weight, at_least(0.0), "the same of turns (0.1)");
}

void describe(DynamicSamplingConfig& c, SettingFields& field) {
  field("enable", c.enable, any(), "sample on until prompts_per_step groups have unequal rewards");
  field("max_batches", c.max_batches, at_least(1), "batches sampled for one step at most");
}

namespace {

void describe_batch(AlgorithmConfig& c, SettingFields& field) {
  field("group_size", c.group_size,
        at_least(2).hint("One completion has no group to be compared with; try 8."),
        "completions per prompt");
  field("prompts_per_step", c.prompts_per_step, at_least(1), "prompts, hence groups, of one step");
  field("epochs", c.epochs, at_least(1), "passes over a batch");
  field("minibatches", c.minibatches, at_least(1), "optimizer steps of one pass over a batch");
  field("microbatch_tokens", c.microbatch_tokens, at_least(1),
        "rows that go through the model together; changes memory and speed, and the result by "
        "rounding "
        "alone");
}

void describe_loss(AlgorithmConfig& c, SettingFields& field) {
  field("advantage", c.advantage, advantage_estimators().names_constraint(),
        advantage_estimators().described("how rewards become advantages"));
  field.renamed("combine_rewards", "advantage");
  field("scale_rewards", c.scale_rewards,
        one_of<ScaleRewards>({{"group", ScaleRewards::group},
                              {"batch", ScaleRewards::batch},
                              {"none", ScaleRewards::none}}),
        "advantages are divided by the rewards' deviation in the group, in the batch, or not (Dr. "
        "GRPO)");
  field("std_floor", c.std_floor, at_least(0.0), "added to that deviation");
  field.section("length_shaping", c.length_shaping,
                "shorter completions of a group are worth more, in proportion to its mean reward");
  c.advantages.describe_sections(field);
  field("loss", c.loss, policy_losses().names_constraint(),
        policy_losses().described("policy loss"));
  field("aggregation", c.aggregation,
        one_of<Aggregation>({{"token_mean", Aggregation::token_mean},
                             {"sequence_mean", Aggregation::sequence_mean},
                             {"sequence_mean_constant", Aggregation::sequence_mean_constant},
                             {"sequence_sum", Aggregation::sequence_sum},
                             {"token_sum", Aggregation::token_sum},
                             {"prompt_mean", Aggregation::prompt_mean}}),
        "token_mean (DAPO), sequence_mean (GRPO), sequence_mean_constant (Dr. GRPO), sequence_sum, "
        "token_sum, prompt_mean (of each prompt's token mean)");
  field("constant_length", c.constant_length, at_least(0),
        "tokens by which sequence_mean_constant divides; 0: rollout.max_tokens");
  field("clip_ratio_low", c.clip_ratio_low, at_least(0.0), "the ratio is held above 1 - this");
  field("clip_ratio_high", c.clip_ratio_high, at_least(0.0),
        "the ratio is held below 1 + this; DAPO: 0.28");
  field("dual_clip", c.dual_clip, at_least(0.0),
        "bound on the ratio where the advantage is negative, above 1 (dual-clip PPO: 3); 0: none");
  field("delta", c.delta, at_least(0.0),
        "bound on the unclipped ratio, above 1 + clip_ratio_high (INTELLECT-2); 0: none");
  field("max_log_ratio", c.max_log_ratio, at_least(0.0),
        "bound of logarithms of ratios, either way; 0: none");
  field("positive_nll_coef", c.positive_nll_coef, at_least(0.0),
        "weight of the mean negative log-likelihood of tokens in completions whose reward is "
        "positive (VAPO: 0.1)");
}

void describe_kl(AlgorithmConfig& c, SettingFields& field) {
  field("kl_coef", c.kl_coef, at_least(0.0),
        "weight of KL(policy || reference); 0: no reference policy");
  field("kl_estimator", c.kl_estimator, kl_estimators().names_constraint(),
        kl_estimators().described("value of the KL estimate"));
  field("kl_gradient", c.kl_gradient,
        one_of<KlGradient>({{"ratio", KlGradient::ratio},
                            {"k2", KlGradient::k2},
                            {"score", KlGradient::score},
                            {"own", KlGradient::own}}),
        "gradient of the KL estimate: ratio (DeepSeek-V3.2) and k2 are unbiased on-policy");
  field("kl_max_log_ratio", c.kl_max_log_ratio, at_least(0.0),
        "bound of lp_ref - lp, either way, in the estimate; 0: none");
  field("kl_max_value", c.kl_max_value, at_least(0.0),
        "bound of the estimate, either way (verl: 10); 0: none");
  field(
      "kl_max_importance_weight", c.kl_max_importance_weight, at_least(0.0),
      "kl_gradient k2: its gradient is weighed by the ratio, at most this (OpenRLHF: 10); 0: not");
  field("kl_in_reward", c.kl_in_reward, any(),
        "the KL is taken from rewards, token by token, instead of standing in the loss (RLOO, "
        "REINFORCE++)");
  field.section("kl_controller", c.kl_controller, "a coefficient of the KL that follows the KL");
  field("reference", c.reference, non_empty(),
        "of the KL term: start (the policy that training starts from, adapters of model.lora.path "
        "included), base (the model below them), self@every(n) (the policy, anew after each n "
        "steps; R1-Zero: 400), ema(a, n) (after each n steps a * itself + (1 - a) * the policy), a "
        "checkpoint's path, or none");
  field("reference_update_every", c.reference_update_every, at_least(0),
        "the same as reference = \"self@every(n)\"; 0: as `reference` says");
}

void describe_rest(AlgorithmConfig& c, SettingFields& field) {
  field("entropy_coef", c.entropy_coef, at_least(0.0), "weight of the entropy bonus");
  field.section("entropy_controller", c.entropy_controller,
                "a coefficient of the entropy bonus that follows the entropy");
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
      "stop_properly_coef", c.stop_properly_coef, any(),
      "rewards of completions that hit max_tokens are multiplied by this; below 0: replaced by it");
  field(
      "skip_zero_advantage", c.skip_zero_advantage, any(),
      "do not compute completions that cannot change the gradient; metrics then tell of the rest");
  field.section("mismatch", c.mismatch, "correction of the difference between sampler and trainer");
  field.tables(
      "rejection", c.rejection,
      "tokens on which trainer and sampler differ are left out before anything is counted");
  field(
      "rejection_denominator", c.rejection_denominator, one_of({"kept", "all"}),
      "kept: tokens that rejection or m2_threshold took out are in no count; all: their loss is 0, "
      "and they count");
  field("m2_threshold", c.m2_threshold, at_least(0.0),
        "M2PO: the tokens on which they differ most are left out until the mean square of the "
        "difference is below this (0.04); 0: none are");
  c.losses.describe_sections(field);
  field.renamed("sapo_temperature_positive", "sapo.temperature_positive");
  field.renamed("sapo_temperature_negative", "sapo.temperature_negative");
  field.section("dynamic_sampling", c.dynamic_sampling, "sampling on until groups have a signal");
}

}  // namespace

void describe(AlgorithmConfig& c, SettingFields& field) {
  describe_batch(c, field);
  describe_loss(c, field);
  describe_kl(c, field);
  describe_rest(c, field);
}

void check(const AlgorithmConfig& config) {
  policy_losses().at(config.loss);
  advantage_estimators().at(config.advantage);
  kl_estimators().at(config.kl_estimator);
  if (config.mismatch.is_used()) mismatch_corrections().at(config.mismatch.mode);
  check_reference(config);
  check_rewards(config);
  check_bounds(config);
  if (config.minibatches > config.prompts_per_step) {
    throw ConfigError(fmt::format(
        "rl.minibatches: is {}, must be at most rl.prompts_per_step = {}. A minibatch holds whole "
        "groups, at least one.",
        config.minibatches, config.prompts_per_step));
  }
}

}  // namespace gradus::rl
