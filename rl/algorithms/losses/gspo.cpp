#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/clipped_loss.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
namespace {

/// Settings `rl.gspo.*`.
struct GspoSettings {
  double max_sequence_log_ratio = 10.0;
};

void describe(GspoSettings& c, SettingFields& field) {
  field("max_sequence_log_ratio", c.max_sequence_log_ratio, at_least(0.0),
        "upper bound of the logarithm of a completion's ratio (verl: 10); 0: none");
}

/// Group sequence policy optimization (arXiv:2507.18071, token form): GRPO's loss with the ratio
///   s_t = exp(min(sg(mean over live tokens of (lp - lp_old)) + lp - sg(lp), bound))
/// The paper's clip ratios are 3e-4 and 4e-4 and its aggregation is sequence_mean; sequence_sum
/// without a bound gives LUSPO.
LossTerms gspo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  // Shapes: S scored tokens, N completions.
  const auto log_ratio_S = log_ratios(in, config).detach();
  // The sequence's value with the token's gradient.
  const auto log_s_S = sequence_means(log_ratio_S, in) + in.logprobs - in.logprobs.detach();
  const auto live_S = log_s_S.masked_fill(~in.is_live, 0.0);
  const double bound = config.losses.of<GspoSettings>("gspo").max_sequence_log_ratio;
  return clipped_loss((bound > 0.0 ? live_S.clamp_max(bound) : live_S).exp(), in.advantages,
                      config);
}

}  // namespace

extern const PolicyLoss kGspo;
const PolicyLoss kGspo{"gspo", "one ratio for a whole completion",
                       [] { return OwnSettings::of(GspoSettings{}); }, gspo_loss};

}  // namespace gradus::rl
