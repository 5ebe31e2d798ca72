#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/clipped_loss.h"
#include "rl/algorithms/losses/policy_loss.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

/// Bound of log s, as in verl.
constexpr double kMaxLogSequenceRatio = 10.0;

/// Group sequence policy optimization (arXiv:2507.18071, token form): GRPO's loss with the ratio
///   s_t = exp(min(sg(mean over live tokens of (lp - lp_old)) + lp - sg(lp), 10))
/// The paper's clip ratios are 3e-4 and 4e-4 and its aggregation is sequence_mean; sequence_sum
/// gives LUSPO.
LossTerms gspo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  // Shapes: S scored tokens, N completions.
  const auto log_ratio_S = log_ratios(in).detach();
  const auto live_S = in.is_live.to(at::kFloat);
  const auto count_N = sequence_sum(live_S, in.sequence, in.num_sequences).clamp_min(1.0);
  const auto mean_N = sequence_sum(log_ratio_S, in.sequence, in.num_sequences) / count_N;
  // The sequence's value with the token's gradient.
  const auto log_s_S = mean_N.index_select(0, in.sequence) + in.logprobs - in.logprobs.detach();
  const auto bounded_S = log_s_S.masked_fill(~in.is_live, 0.0).clamp_max(kMaxLogSequenceRatio);
  return clipped_loss(bounded_S.exp(), in.advantages, config);
}

}  // namespace

extern const PolicyLoss kGspo;
const PolicyLoss kGspo{"gspo", "one ratio for a whole completion", nullptr, gspo_loss};

}  // namespace gradus::rl
