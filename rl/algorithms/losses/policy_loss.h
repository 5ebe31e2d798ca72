#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

using PolicyLoss = LossTerms (*)(const LossInputs&, const AlgorithmConfig&);

/// Logarithms of ratios are held in [-20, 20], as in verl: beyond, the token's gradient is 0.
inline constexpr double kMaxLogRatio = 20.0;

/// PPO's clipped loss with GRPO's advantages (arXiv:2402.03300), r = exp(lp - lp_old):
///   L = -min(r A, clip(r, 1 - low, 1 + high) A)
/// `delta` > 0 holds the first r below delta (INTELLECT-2, arXiv:2505.07291); `dual_clip` c > 0
/// holds L below -c A where A < 0 (arXiv:1912.09729).
LossTerms grpo_loss(const LossInputs& in, const AlgorithmConfig& config);

/// Group sequence policy optimization (arXiv:2507.18071, token form): grpo_loss with the ratio
///   s_t = exp(min(sg(mean over live tokens of (lp - lp_old)) + lp - sg(lp), 10))
/// The paper's clip ratios are 3e-4 and 4e-4 and its aggregation is sequence_mean; sequence_sum
/// gives LUSPO.
LossTerms gspo_loss(const LossInputs& in, const AlgorithmConfig& config);

/// Clipped importance sampling (MiniMax-M1, arXiv:2506.13585):
///   L = -sg(clip(r, 1 - low, 1 + high)) A lp
/// As verl; TRL's epsilon_high is 1 + clip_ratio_high here. clip_ratio_low >= 1: no lower bound.
LossTerms cispo_loss(const LossInputs& in, const AlgorithmConfig& config);

/// Soft adaptive policy optimization (arXiv:2511.20347):
///   L = -(4 / tau) sigmoid(tau (r - 1)) A,  tau by the sign of A. Nothing is clipped.
LossTerms sapo_loss(const LossInputs& in, const AlgorithmConfig& config);

/// REINFORCE: L = -A lp. Nothing is clipped, and nothing corrects a second use of a batch.
LossTerms reinforce_loss(const LossInputs& in, const AlgorithmConfig& config);

/// Where the ratio left [1 - low, 1 + high] on the side that the advantage pushes to.
LossTerms with_clip_report(at::Tensor loss, const at::Tensor& ratio, const at::Tensor& advantages,
                           const AlgorithmConfig& config);
/// The same with nothing clipped.
LossTerms without_clipping(at::Tensor loss);

/// clamp(lp - lp_old) with the bound above; 0 where not live.
at::Tensor log_ratios(const LossInputs& in);

/// The loss of that name. @throws gradus::ConfigError  none has it.
PolicyLoss find_policy_loss(std::string_view name);
std::vector<std::string> policy_loss_names();

}  // namespace gradus::rl
