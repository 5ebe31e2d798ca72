#include "rl/update/update_metrics.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/sum.h>

namespace gradus::rl {
namespace {

/// Sum of values [S] at live tokens, in double.
double live_sum(const at::Tensor& values, const at::Tensor& is_live) {
  return values.detach().to(at::kDouble).masked_fill(~is_live, 0.0).sum().item<double>();
}

}  // namespace

void UpdateMetrics::add(const LossParts& parts) {
  const at::NoGradGuard no_grad;
  const at::Tensor& live = parts.is_live;
  num_tokens_ += live.sum().item<int64_t>();
  policy_loss_ += live_sum(parts.terms.policy_loss * parts.weights, live);
  entropy_ += live_sum(parts.entropies, live);
  clipped_low_ += live_sum(parts.terms.terms.is_clipped_low, live);
  clipped_high_ += live_sum(parts.terms.terms.is_clipped_high, live);
  mismatch_weight_ += live_sum(parts.terms.mismatch_weights, live);
  mismatch_masked_ += live_sum(parts.terms.mismatch_weights == 0.0, live);
  if (parts.terms.terms.is_dropped.defined()) {
    has_dropped_ = true;
    dropped_ += live_sum(parts.terms.terms.is_dropped, live);
  }
  if (parts.terms.kl.defined()) {
    has_kl_ = true;
    kl_ += live_sum(parts.terms.kl, live);
  }
}

void UpdateMetrics::add(const TrainingStepResult& step) {
  if (step.loss) {
    loss_ += *step.loss;
    ++num_losses_;
  }
  if (step.grad_norm) {
    grad_norm_ += *step.grad_norm;
    ++num_norms_;
  }
}

void UpdateMetrics::report(bool with_mismatch, Metrics& metrics) const {
  if (num_losses_ > 0) {
    metrics["loss"] = loss_ / static_cast<double>(num_losses_);
    metrics["policy_loss"] = policy_loss_ / static_cast<double>(num_losses_);
  }
  if (num_norms_ > 0) metrics["grad_norm"] = grad_norm_ / static_cast<double>(num_norms_);
  if (num_tokens_ == 0) return;
  const auto T = static_cast<double>(num_tokens_);
  metrics.set_mean("entropy", entropy_, T);
  if (has_kl_) metrics.set_mean("kl", kl_, T);
  metrics.set_mean("clip_ratio/low_mean", clipped_low_, T);
  metrics.set_mean("clip_ratio/high_mean", clipped_high_, T);
  metrics.set_mean("clip_ratio/region_mean", (clipped_low_ + clipped_high_), T);
  if (has_dropped_) metrics.set_mean("clip_ratio/dropped_share", dropped_, T);
  if (!with_mismatch) return;
  metrics.set_mean("mismatch/weight_mean", mismatch_weight_, T);
  metrics.set_mean("mismatch/masked_share", mismatch_masked_, T);
}

}  // namespace gradus::rl
