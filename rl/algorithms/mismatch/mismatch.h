#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "base/settings/registry.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/algorithms/losses/policy_loss.h"
#include "rl/learn/metrics.h"

namespace gradus::rl {

/// One value of `rl.mismatch.mode` beside none. A new one is a file with its record and a line in
/// records.inc.
struct MismatchCorrection {
  std::string_view name;
  std::string_view text;
  /// Weights [S] from log rho [S], which is 0 where a token is not live or nothing is known.
  at::Tensor (*weights)(const at::Tensor& log_rho, const LossInputs& in,
                        const MismatchConfig& config);
  /// Defaults of its own settings, [rl.mismatch.NAME]; null: it has none.
  OwnSettings (*own)() = nullptr;
  bool is_of_sequences = false;  ///< the weights' mean is taken over completions, not tokens
};

const Registry<MismatchCorrection>& mismatch_corrections();

/// rho held within [min, max], or 0 outside.
at::Tensor truncated(const at::Tensor& rho, const MismatchConfig& config);
at::Tensor masked(const at::Tensor& rho, const MismatchConfig& config);
/// exp of the logarithm, held by rl.mismatch.max_log_ratio: of each token, or of each completion's
/// sum or mean over live tokens, at its tokens.
at::Tensor token_ratio(const at::Tensor& log_rho, const MismatchConfig& config);
at::Tensor sequence_ratio(const at::Tensor& log_rho, const LossInputs& in,
                          const MismatchConfig& config);
at::Tensor mean_ratio(const at::Tensor& log_rho, const LossInputs& in,
                      const MismatchConfig& config);
/// Values [S], 0 where a flag [S] of the token, or of any live token of its completion, is set.
at::Tensor without(const at::Tensor& values, const at::Tensor& is_flagged);
at::Tensor anywhere_in_sequence(const at::Tensor& is_flagged, const LossInputs& in);

/// Weights by which per-token policy losses are multiplied to correct that tokens were sampled by
/// other numbers than the trainer's, rho = exp(lp_old - lp_rollout), the logarithm held:
///
///   none               1
///   token_truncate     clamp(rho_t, min, max)
///   token_mask         rho_t where min <= rho_t <= max, else 0
///   sequence_truncate  clamp(prod_t rho_t, min, max) on all tokens of the completion
///   sequence_mask      prod_t rho_t where within [min, max], else 0
///   geometric_mask     rho_t (or 1, or the mean itself) where exp(mean log rho) is within
///   outlier_mask       1 in completions whose every rho_t is within, else 0
///   divergence_mask    rho_t where a divergence of the probabilities is at most max
///
/// With rl.mismatch.batch_normalize they are divided by their mean over the microbatch.
/// The product runs over live tokens and grows with the completion's length. A NaN sampler logprob
/// means rho = 1. Source: Yao et al., "Your efficient RL framework secretly brings you off-policy
/// RL training" (2025); TRL's vllm_importance_sampling_mode.
///
/// @param rollout_logprobs  [S] of the untruncated distribution that sampled, NaN if unknown.
/// @return                  [S] without gradient.
at::Tensor mismatch_weights(const LossInputs& in, const at::Tensor& rollout_logprobs,
                            const MismatchConfig& config);

/// Sampler and trainer compared on the same tokens, with d = lp_trainer - lp_rollout. Tokens
/// without a sampler logprob are left out. Exact where both run the project's kernels.
class SamplerComparison {
 public:
  /// @param trainer, rollout  [S] on the CPU.
  void add(const at::Tensor& trainer, const at::Tensor& rollout);

  int64_t num_tokens() const { return num_tokens_; }

  /// Writes sampling/logp_difference/{mean,max} of |d|, sampling/k3 (mean of e^d - d - 1),
  /// sampling/importance_ratio/{min,mean,max} of w = e^d, sampling/ess ((sum w)^2 / (n sum w^2)),
  /// sampling/exact_share (share of tokens with d = 0); nothing where no token was compared.
  void report(Metrics& metrics) const;

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
