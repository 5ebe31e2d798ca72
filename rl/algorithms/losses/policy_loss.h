#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "base/settings/registry.h"
#include "rl/algorithms/algorithm_config.h"

namespace gradus::rl {

/// Scored tokens of one microbatch; completions whole, tokens of one standing together.
/// Shapes: S scored tokens. All on the CPU; numbers are float32 in training, and the formulas keep
/// whatever type they are given. What a loss does not read may be undefined.
struct LossInputs {
  at::Tensor logprobs;      ///< [S] of the policy in training; carries the gradient
  at::Tensor old_logprobs;  ///< [S] at the start of the update
  at::Tensor advantages;    ///< [S] the completion's advantage at each of its tokens
  at::Tensor is_live;       ///< [S] bool; tokens that count in the loss
  at::Tensor sequence;      ///< [S] int64 in [0, num_sequences): the token's completion
  int64_t num_sequences = 0;

  at::Tensor rollout_logprobs = {};  ///< [S] of the sampler, NaN where it gave none
  at::Tensor entropies = {};         ///< [S] of the policy in training
  at::Tensor mismatch_weights = {};  ///< [S] of rl.mismatch
  at::Tensor teacher_logprobs = {};  ///< [S] of a teacher (distillation)
  uint64_t seed = 0;                 ///< of what a loss draws by chance
};

/// Losses are of no consequence where a token is not live.
struct LossTerms {
  at::Tensor loss;             ///< [S] L_t, to be minimised
  at::Tensor is_clipped_low;   ///< [S] bool: ratio below 1 - clip_ratio_low, advantage negative
  at::Tensor is_clipped_high;  ///< [S] bool: ratio above 1 + clip_ratio_high, advantage positive
  at::Tensor is_dropped = {};  ///< [S] bool: the loss is 0 by a rule; undefined: nowhere
};

/// One value of `rl.loss`. A new loss is a file with its record and a line in records.inc.
struct PolicyLoss {
  std::string_view name;
  std::string_view text;
  /// Defaults of its own settings, [rl.NAME]; null: it has none.
  OwnSettings (*own)();
  LossTerms (*terms)(const LossInputs&, const AlgorithmConfig&);
  /// The loss has rl.mismatch's weights in its formula: it is not multiplied by them.
  bool uses_mismatch_weights = false;
};

const Registry<PolicyLoss>& policy_losses();

/// Bound of logarithms of ratios where a formula has none of its own, as in verl.
inline constexpr double kMaxLogRatio = 20.0;

/// Held in [-bound, bound]: beyond, the gradient is 0. A bound of 0 is none.
at::Tensor held(const at::Tensor& values, double bound);

/// Where the ratio left [1 - low, 1 + high] on the side that the advantage pushes to.
LossTerms with_clip_report(at::Tensor loss, const at::Tensor& ratio, const at::Tensor& advantages,
                           const AlgorithmConfig& config);
/// The same with nothing clipped.
LossTerms without_clipping(at::Tensor loss);

/// The terms with the loss 0 at the tokens of `is_dropped` [S] bool.
LossTerms dropping(LossTerms terms, const at::Tensor& is_dropped);

/// lp - lp_old, held in [-rl.max_log_ratio, rl.max_log_ratio]; 0 where not live.
at::Tensor log_ratios(const LossInputs& in, const AlgorithmConfig& config);

/// The sampler's logprobs [S], and the old ones where it gave none.
at::Tensor sampler_logprobs(const LossInputs& in);

/// Of each completion, at its tokens: the mean of values [S] over live tokens; 0 without any.
at::Tensor sequence_means(const at::Tensor& values, const LossInputs& in);

}  // namespace gradus::rl
