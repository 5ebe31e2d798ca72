#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "base/settings/setting.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

/// Settings of the losses that drop tokens by how far their probability has moved
/// (`rl.dppo_tv.*`, `rl.dppo_kl.*`).
struct DivergenceSettings {
  double mask_low = 0.2;
  double mask_high = 0.2;
  double ratio_cap = 20.0;
  std::string surrogate = "log_prob";
};

void describe(DivergenceSettings& c, SettingFields& field);

/// The surrogate of tokens that are kept:
///   log_prob  -sg(min(r, ratio_cap)) A lp
///   ratio     -A r
LossTerms divergence_loss(const LossInputs& in, const AlgorithmConfig& config,
                          const DivergenceSettings& own, const at::Tensor& is_dropped);

/// [S] bool: where A > 0 (else not) p - p_old has passed mask_high, where A <= 0 p_old - p
/// mask_low, of probabilities p = exp(lp).
at::Tensor moved_too_far(const LossInputs& in, const at::Tensor& old_logprobs, double mask_low,
                         double mask_high);

}  // namespace gradus::rl
