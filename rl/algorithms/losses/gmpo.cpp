#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
namespace {

/// Geometric-mean policy optimisation (arXiv:2507.20673), clipped in log space towards the side
/// that the advantage pushes to, d = lp - lp_old, c = clip(d, -low, high):
///   L = -exp(mean over live tokens of d') A_i,   d' = min(d, c) if A > 0, else max(d, c)
/// A_i is the mean of the completion's advantages; its tokens all have its loss, so that
/// rl.aggregation = sequence_mean gives the paper's. Its clip ratios are 0.4.
LossTerms gmpo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto log_ratio_S = log_ratios(in, config);
  const auto clipped_S = log_ratio_S.clamp(-config.clip_ratio_low, config.clip_ratio_high);
  const auto d_S = at::where(in.advantages > 0.0, at::minimum(log_ratio_S, clipped_S),
                             at::maximum(log_ratio_S, clipped_S));
  const auto advantage_S = sequence_means(in.advantages, in);
  const auto loss_S = -(sequence_means(d_S, in).exp() * advantage_S);
  const auto value_S = log_ratio_S.detach();
  return {loss_S, (value_S < -config.clip_ratio_low) & (in.advantages < 0.0),
          (value_S > config.clip_ratio_high) & (in.advantages > 0.0)};
}

}  // namespace

extern const PolicyLoss kGmpo;
const PolicyLoss kGmpo{"gmpo", "the geometric mean of ratios, clipped in log space", nullptr,
                       gmpo_loss};

}  // namespace gradus::rl
