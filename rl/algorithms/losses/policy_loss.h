#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "base/settings/registry.h"
#include "rl/algorithms/algorithm_config.h"

namespace gradus::rl {

/// Scored tokens of one microbatch; completions whole, tokens of one standing together.
/// Shapes: S scored tokens. All on the CPU, float32 unless said otherwise.
struct LossInputs {
  at::Tensor logprobs;      ///< [S] of the policy in training; carries the gradient
  at::Tensor old_logprobs;  ///< [S] at the start of the update
  at::Tensor advantages;    ///< [S] the completion's advantage at each of its tokens
  at::Tensor is_live;       ///< [S] bool; tokens that count in the loss
  at::Tensor sequence;      ///< [S] int64 in [0, num_sequences): the token's completion
  int64_t num_sequences = 0;
};

/// Losses are of no consequence where a token is not live.
struct LossTerms {
  at::Tensor loss;             ///< [S] L_t, to be minimised
  at::Tensor is_clipped_low;   ///< [S] bool: ratio below 1 - clip_ratio_low, advantage negative
  at::Tensor is_clipped_high;  ///< [S] bool: ratio above 1 + clip_ratio_high, advantage positive
};

/// One value of `rl.loss`. A new loss is a file with its record and a line in records.inc.
struct PolicyLoss {
  std::string_view name;
  std::string_view text;
  /// Defaults of its own settings, [rl.NAME]; null: it has none.
  OwnSettings (*own)();
  LossTerms (*terms)(const LossInputs&, const AlgorithmConfig&);
};

const Registry<PolicyLoss>& policy_losses();

/// Logarithms of ratios are held in [-20, 20], as in verl: beyond, the token's gradient is 0.
inline constexpr double kMaxLogRatio = 20.0;

/// Where the ratio left [1 - low, 1 + high] on the side that the advantage pushes to.
LossTerms with_clip_report(at::Tensor loss, const at::Tensor& ratio, const at::Tensor& advantages,
                           const AlgorithmConfig& config);
/// The same with nothing clipped.
LossTerms without_clipping(at::Tensor loss);

/// clamp(lp - lp_old) with the bound above; 0 where not live.
at::Tensor log_ratios(const LossInputs& in);

}  // namespace gradus::rl
