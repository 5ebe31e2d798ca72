#include "rl/algorithms/losses/divergence_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/where.h>

namespace gradus::rl {

void describe(DivergenceSettings& c, SettingFields& field) {
  field("mask_low", c.mask_low, at_least(0.0),
        "divergence beyond which a token that loses probability is dropped");
  field("mask_high", c.mask_high, at_least(0.0),
        "divergence beyond which a token that gains probability is dropped");
  field("ratio_cap", c.ratio_cap, at_least(0.0), "upper bound of the ratio; 0: none");
  field("surrogate", c.surrogate, one_of({"log_prob", "ratio"}),
        "log_prob: the capped ratio weighs the logprob (verl); ratio: the ratio itself (SkyRL)");
}

LossTerms divergence_loss(const LossInputs& in, const AlgorithmConfig& config,
                          const DivergenceSettings& own, const at::Tensor& is_dropped) {
  auto ratio_S = log_ratios(in, config).exp();
  if (own.ratio_cap > 0.0) ratio_S = ratio_S.clamp_max(own.ratio_cap);
  if (own.surrogate == "ratio")
    return dropping(without_clipping(-(ratio_S * in.advantages)), is_dropped);
  return dropping(without_clipping(-(ratio_S.detach() * in.advantages * in.logprobs)), is_dropped);
}

at::Tensor moved_too_far(const LossInputs& in, const at::Tensor& old_logprobs, double mask_low,
                         double mask_high) {
  const auto moved_S = in.logprobs.detach().exp() - old_logprobs.exp();
  return at::where(in.advantages > 0.0, moved_S > mask_high, moved_S < -mask_low);
}

}  // namespace gradus::rl
