#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/divergence_loss.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
namespace {

/// Settings `rl.prime_rl.*`.
struct PrimeRlSettings {
  double adv_tau = 1.0;
  double kl_tau = 1e-3;
  double mask_low = 0.2;
  double mask_high = 0.2;
  double ipo_threshold = 0.0;
};

void describe(PrimeRlSettings& c, SettingFields& field) {
  field("adv_tau", c.adv_tau, at_least(0.0), "weight of the policy gradient");
  field("kl_tau", c.kl_tau, at_least(0.0), "weight of the squared logarithm of the ratio");
  field("mask_low", c.mask_low, at_least(0.0),
        "loss of probability beyond which a token with A <= 0 is dropped");
  field("mask_high", c.mask_high, at_least(0.0),
        "gain of probability beyond which a token with A > 0 is dropped");
  field("ipo_threshold", c.ipo_threshold, at_least(0.0),
        "tokens that moved by more, either way, are dropped instead; 0: mask_low and mask_high");
}

/// prime-rl's loss against the sampler's logprobs lp_s, r = exp(lp - lp_s):
///   L = -keep adv_tau A r + kl_tau (lp - lp_s)^2,  the second on every live token.
LossTerms prime_rl_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<PrimeRlSettings>("prime_rl");
  LossInputs against = in;
  against.old_logprobs = sampler_logprobs(in);
  const auto log_ratio_S = log_ratios(against, config);
  const auto moved_S = in.logprobs.detach().exp() - against.old_logprobs.exp();
  const auto is_dropped_S = own.ipo_threshold > 0.0 ? moved_S.abs() > own.ipo_threshold
                                                    : moved_too_far(in, against.old_logprobs,
                                                                    own.mask_low, own.mask_high);
  auto terms =
      dropping(without_clipping(-(log_ratio_S.exp() * in.advantages * own.adv_tau)), is_dropped_S);
  terms.loss = terms.loss + log_ratio_S * log_ratio_S * own.kl_tau;
  return terms;
}

}  // namespace

extern const PolicyLoss kPrimeRl;
const PolicyLoss kPrimeRl{"prime_rl",
                          "against the sampler, far tokens dropped, a square holds back",
                          [] { return OwnSettings::of(PrimeRlSettings{}); }, prime_rl_loss};

}  // namespace gradus::rl
