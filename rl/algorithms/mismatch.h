#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "rl/algorithms/algorithm_config.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

/// Weights by which per-token policy losses are multiplied to correct that tokens were sampled by
/// other numbers than the trainer's, rho = exp(lp_old - lp_rollout), the logarithm in [-20, 20]:
///
///   none               1
///   token_truncate     clamp(rho_t, min, max)
///   token_mask         rho_t where min <= rho_t <= max, else 0
///   sequence_truncate  clamp(prod_t rho_t, min, max) on all tokens of the completion
///   sequence_mask      prod_t rho_t where within [min, max], else 0
///
/// The product runs over live tokens and grows with the completion's length. A NaN sampler logprob
/// means rho = 1. Source: Yao et al., "Your efficient RL framework secretly brings you off-policy
/// RL training" (2025); TRL's vllm_importance_sampling_mode.
///
/// @param rollout_logprobs  [S] of the untruncated distribution that sampled, NaN if unknown.
/// @return                  [S] float32 without gradient.
at::Tensor mismatch_weights(const LossInputs& in, const at::Tensor& rollout_logprobs,
                            const MismatchConfig& config);

/// Sampler and trainer compared on the same tokens, with d = lp_trainer - lp_rollout. Tokens
/// without a sampler logprob are left out. Exact where both run the project's kernels.
class SamplerComparison {
 public:
  /// @param trainer, rollout  [S] float32 on the CPU.
  void add(const at::Tensor& trainer, const at::Tensor& rollout);

  int64_t num_tokens() const { return num_tokens_; }

  /// Writes sampling/logp_difference/{mean,max} of |d|, sampling/k3 (mean of e^d - d - 1),
  /// sampling/importance_ratio/{min,mean,max} of w = e^d, sampling/ess ((sum w)^2 / (n sum w^2)),
  /// sampling/exact_share (share of tokens with d = 0); nothing where no token was compared.
  void report(std::map<std::string, double>& metrics) const;

 private:
  int64_t num_tokens_ = 0;
  int64_t num_exact_ = 0;
  double sum_difference_ = 0.0;
  double max_difference_ = 0.0;
  double sum_k3_ = 0.0;
  double min_ratio_ = 0.0;
  double max_ratio_ = 0.0;
  double sum_ratio_ = 0.0;
  double sum_squared_ratio_ = 0.0;
};

}  // namespace gradus::rl
