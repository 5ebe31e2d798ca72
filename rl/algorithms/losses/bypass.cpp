#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/ones_like.h>

#include <string>

#include "rl/algorithms/losses/clipped_loss.h"
#include "rl/algorithms/sequence_sum.h"
#include "rl/algorithms/token_filter.h"

namespace gradus::rl {
namespace {

/// Settings `rl.bypass.*`.
struct BypassSettings {
  std::string loss_type = "ppo_clip";
  std::string weight = "none";
  double max = 0.0;
};

void describe(BypassSettings& c, SettingFields& field) {
  field("loss_type", c.loss_type, one_of({"ppo_clip", "reinforce"}),
        "ppo_clip: grpo's loss with the sampler's logprobs as old ones; reinforce: -w A lp");
  field("weight", c.weight, one_of({"none", "token_truncate", "sequence_truncate"}),
        "reinforce: w is 1, or the ratio of policy over sampler, of tokens or of completions");
  field("max", c.max, at_least(0.0), "upper bound of w; 0: none");
}

at::Tensor importance_weights(const LossInputs& in, const AlgorithmConfig& config,
                              const BypassSettings& own) {
  const auto log_ratio_S = log_ratios(in, config).detach();
  if (own.weight == "none") return at::ones_like(log_ratio_S);
  auto log_w_S = log_ratio_S;
  if (own.weight == "sequence_truncate")
    log_w_S = held(sequence_sum(log_ratio_S, in.sequence, in.num_sequences), config.max_log_ratio)
                  .index_select(0, in.sequence);
  const auto weight_S = log_w_S.exp();
  return own.max > 0.0 ? weight_S.clamp_max(own.max) : weight_S;
}

/// verl's bypass mode: no old logprobs are computed, the sampler's stand in for them; tokens that
/// rl.rejection refuses, by the policy's own logprobs and the sampler's, have loss 0.
LossTerms bypass_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<BypassSettings>("bypass");
  LossInputs against = in;
  against.old_logprobs = sampler_logprobs(in);
  const auto is_rejected_S = rejected_tokens(
      {in.logprobs.detach(), against.old_logprobs, in.is_live, in.sequence, in.num_sequences},
      config.rejection);
  if (own.loss_type == "ppo_clip")
    return dropping(clipped_token_loss(against, config), is_rejected_S);
  const auto weight_S = importance_weights(against, config, own);
  return dropping(without_clipping(-(weight_S * in.advantages * in.logprobs)), is_rejected_S);
}

}  // namespace

extern const PolicyLoss kBypass;
const PolicyLoss kBypass{"bypass", "the sampler's logprobs stand in for the old ones (verl)",
                         [] { return OwnSettings::of(BypassSettings{}); }, bypass_loss};

}  // namespace gradus::rl
