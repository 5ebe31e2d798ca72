#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

LossTerms sapo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto ratio_S = log_ratios(in).exp();
  const auto tau_S =
      at::where(in.advantages > 0.0, at::full_like(in.advantages, config.sapo_temperature_positive),
                at::full_like(in.advantages, config.sapo_temperature_negative));
  const auto gate_S = (tau_S * (ratio_S - 1.0)).sigmoid() * 4.0 / tau_S;
  return without_clipping(-(gate_S * in.advantages));
}

}  // namespace gradus::rl
