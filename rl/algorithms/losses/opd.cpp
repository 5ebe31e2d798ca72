#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>

#include "base/error.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
namespace {

/// Settings `rl.opd.*`.
struct OpdSettings {
  double mask_low = 0.2;
  double kl_tau = 1e-3;
};

void describe(OpdSettings& c, SettingFields& field) {
  field("mask_low", c.mask_low, at_least(0.0),
        "loss of probability beyond which a token is dropped");
  field("kl_tau", c.kl_tau, at_least(0.0), "weight of the squared logarithm of the ratio");
}

/// On-policy distillation as a loss (prime-rl), r = exp(lp - lp_old):
///   L = -keep sg(lp_teacher - lp) r + kl_tau (lp - lp_old)^2,   keep: p - p_old >= -mask_low
/// The estimate is never differentiated through. Advantages are not read.
LossTerms opd_loss(const LossInputs& in, const AlgorithmConfig& config) {
  if (!in.teacher_logprobs.defined())
    throw ConfigError("rl.loss: opd needs a teacher; set run.task = \"distill\"");
  const auto& own = config.losses.of<OpdSettings>("opd");
  const auto log_ratio_S = log_ratios(in, config);
  const auto lp_S = in.logprobs.detach();
  const auto gain_S =
      held((in.teacher_logprobs - lp_S).masked_fill(~in.is_live, 0.0), config.max_log_ratio);
  auto terms = dropping(without_clipping(-(gain_S * log_ratio_S.exp())),
                        lp_S.exp() - in.old_logprobs.exp() < -own.mask_low);
  terms.loss = terms.loss + log_ratio_S * log_ratio_S * own.kl_tau;
  return terms;
}

}  // namespace

extern const PolicyLoss kOpd;
const PolicyLoss kOpd{"opd", "towards a teacher, token by token (distill)",
                      [] { return OwnSettings::of(OpdSettings{}); }, opd_loss};

}  // namespace gradus::rl
