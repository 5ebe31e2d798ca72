#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/where.h>

#include "rl/algorithms/losses/divergence_loss.h"

namespace gradus::rl {
namespace {

/// Tokens are dropped by the divergence of the two-way choice "this token or another", q = p_old:
///   KL = q (log q - log p) + (1 - q) log((1 - q + 1e-8) / (1 - p + 1e-8))
/// A > 0: p > q and KL > mask_high; else p < q and KL > mask_low.
LossTerms dppo_kl_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<DivergenceSettings>("dppo_kl");
  const auto lp_S = in.logprobs.detach();
  const auto p_S = lp_S.exp();
  const auto q_S = in.old_logprobs.exp();
  const auto kl_S = q_S * (in.old_logprobs - lp_S) +
                    (1.0 - q_S) * ((1.0 - q_S + 1e-8) / (1.0 - p_S + 1e-8)).log();
  const auto is_dropped_S = at::where(in.advantages > 0.0, (p_S > q_S) & (kl_S > own.mask_high),
                                      (p_S < q_S) & (kl_S > own.mask_low));
  return divergence_loss(in, config, own, is_dropped_S);
}

}  // namespace

extern const PolicyLoss kDppoKl;
const PolicyLoss kDppoKl{"dppo_kl",
                         "tokens whose divergence from the old policy is too large are dropped",
                         [] {
                           DivergenceSettings own;
                           own.mask_low = own.mask_high = 0.05;
                           return OwnSettings::of(own);
                         },
                         dppo_kl_loss};

}  // namespace gradus::rl
