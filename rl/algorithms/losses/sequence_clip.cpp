#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/clipped_loss.h"
#include "rl/algorithms/losses/policy_loss.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

/// GRPO's loss with the ratio of the whole completion, exp(sum over live tokens of (lp - lp_old)),
/// which grows with its length (TRL's RLOO). Tokens all have their completion's loss, so that
/// rl.aggregation = sequence_mean gives the mean over completions.
LossTerms sequence_clip_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto sum_N = sequence_sum(log_ratios(in, config), in.sequence, in.num_sequences);
  const auto ratio_S = held(sum_N, config.max_log_ratio).exp().index_select(0, in.sequence);
  return clipped_loss(ratio_S, in.advantages, config);
}

}  // namespace

extern const PolicyLoss kSequenceClip;
const PolicyLoss kSequenceClip{"sequence_clip", "the ratio of the whole completion, clipped",
                               nullptr, sequence_clip_loss};

}  // namespace gradus::rl
