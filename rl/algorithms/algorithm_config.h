#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/settings/own_settings.h"
#include "base/settings/setting.h"
#include "rl/algorithms/controllers.h"
#include "rl/algorithms/token_filter.h"
#include "rl/learn/mixture_training.h"

namespace gradus::rl {

/// What a group's centred rewards are divided by; see rl/algorithms/advantages/advantage.h.
enum class ScaleRewards {
  group,  ///< the group's standard deviation (GRPO)
  batch,  ///< the standard deviation over the whole batch
  none,   ///< nothing (Dr. GRPO)
};

/// How per-token losses become one number; see rl/algorithms/aggregation.h.
enum class Aggregation {
  token_mean,
  sequence_mean,
  sequence_mean_constant,
  sequence_sum,
  token_sum,
  prompt_mean
};

/// Gradient of the per-token KL estimate; see rl/algorithms/kl/kl.h.
enum class KlGradient {
  ratio,  ///< the estimate is multiplied by the policy's ratio (DeepSeek-V3.2)
  k2,     ///< the estimate's value with k2's gradient
  score,  ///< the estimate's value, its own gradient and the policy gradient of it
  own,    ///< the estimate's own gradient: biased for k3, zero in expectation for k1
};

/// What becomes of the sampler's choices of experts in a model with mixtures.
enum class RoutingUse {
  off,      ///< not kept
  compare,  ///< kept, and compared with those of training
  replay,   ///< kept, and obeyed in training (rollout routing replay, arXiv:2510.11370)
};

/// The own settings of all records of a kind, as they are by default.
RecordSettings default_loss_settings();
RecordSettings default_advantage_settings();
RecordSettings default_mismatch_settings();

/// Settings `rl.mismatch.*`.
struct MismatchConfig {
  std::string mode = "none";  ///< none, or a correction of rl/algorithms/mismatch
  double max = 3.0;
  double min = 0.0;
  double max_log_ratio = 20.0;
  bool batch_normalize = false;
  RecordSettings corrections = default_mismatch_settings();  ///< [rl.mismatch.divergence_mask] ...

  bool is_used() const { return mode != "none"; }
};

/// Settings `rl.dynamic_sampling.*` (DAPO, arXiv:2503.14476, section 3.2).
struct DynamicSamplingConfig {
  bool enable = false;
  int max_batches = 10;
};

/// Settings `rl.length_shaping.*`: what a completion's length takes from its reward.
struct LengthShapingConfig {
  double output_weight = 0.0;
  double input_weight = 0.0;
  double turns_weight = 0.0;

  bool is_used() const {
    return output_weight != 0.0 || input_weight != 0.0 || turns_weight != 0.0;
  }
};

/// Settings `rl.*`: the algorithm of one update.
struct AlgorithmConfig {
  int group_size = 8;
  int prompts_per_step = 8;
  int epochs = 1;
  int minibatches = 1;
  int64_t microbatch_tokens = 2048;

  std::string advantage = "sum_then_normalize";
  ScaleRewards scale_rewards = ScaleRewards::group;
  double std_floor = 1e-4;
  LengthShapingConfig length_shaping;
  RecordSettings advantages = default_advantage_settings();  ///< [rl.rloo] and so on

  std::string loss = "grpo";
  Aggregation aggregation = Aggregation::token_mean;
  int constant_length = 0;
  double clip_ratio_low = 0.2;
  double clip_ratio_high = 0.2;
  double dual_clip = 0.0;
  double delta = 0.0;
  double max_log_ratio = 20.0;
  double positive_nll_coef = 0.0;
  RecordSettings losses = default_loss_settings();  ///< [rl.sapo] and so on

  double kl_coef = 0.0;
  std::string kl_estimator = "k3";
  KlGradient kl_gradient = KlGradient::ratio;
  double kl_max_log_ratio = 20.0;
  double kl_max_value = 0.0;
  double kl_max_importance_weight = 0.0;
  bool kl_in_reward = false;
  KlControllerConfig kl_controller;
  std::string reference = "start";  ///< as rl/algorithms/reference_spec.h reads it
  int reference_update_every = 0;

  double entropy_coef = 0.0;
  EntropyControllerConfig entropy_controller;
  double mtp_weight = 0.0;
  RoutingUse routing = RoutingUse::off;
  MixtureConfig moe;
  bool mask_truncated = false;
  std::optional<double> stop_properly_coef;
  bool skip_zero_advantage = false;
  MismatchConfig mismatch;
  std::vector<RejectionRule> rejection;
  std::string rejection_denominator = "kept";
  double m2_threshold = 0.0;
  DynamicSamplingConfig dynamic_sampling;

  /// Whether tokens are taken out, by trainer and sampler, before anything is counted.
  bool filters_tokens() const {
    return (!rejection.empty() && loss != "bypass") || m2_threshold > 0.0;
  }
};

void describe(AlgorithmConfig& c, SettingFields& field);

/// What no single field can say: an unknown loss, bounds that contradict each other, more
/// minibatches than groups.
/// @throws ConfigError  naming the setting.
void check(const AlgorithmConfig& config);

}  // namespace gradus::rl
