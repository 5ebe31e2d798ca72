#include "rl/stages/distill/jsd_update.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/sum.h>

namespace gradus::rl {

UpdateResult update_on_distributions(const TrainingStep& step, const policy::Policy& teacher,
                                     std::span<const PackItem> items, int64_t microbatch_tokens,
                                     const JsdForm& form) {
  UpdateResult result;
  result.metrics["learning_rate"] = step.learning_rate;
  start_skipped(result);
  int64_t num_targets = 0;
  for (const PackItem& item : items) num_targets += num_scored(item);
  result.metrics["num_targets"] = static_cast<double>(num_targets);
  if (num_targets == 0) {
    note_empty(result, "no text of the batch has a token to learn");
    return result;
  }
  double kl = 0.0;
  const auto T = static_cast<double>(num_targets);
  TrainingStep hidden_step = step;
  hidden_step.hidden_loss = [&](const Microbatch& microbatch, const at::Tensor& hidden) {
    at::Tensor theirs;
    {
      const at::NoGradGuard no_grad;
      const at::Tensor seen = teacher.forward(microbatch.batch, step.team);
      theirs = teacher.logits(seen, microbatch.scores.rows, step.team).to(at::kCPU);
    }
    const at::Tensor own =
        step.policy.recorded_logits(hidden, microbatch.scores.rows, step.team).to(at::kCPU);
    {
      const at::NoGradGuard no_grad;
      kl += generalized_jsd(own.detach(), theirs, {}).to(at::kDouble).sum().item<double>();
    }
    return generalized_jsd(own, theirs, form).to(at::kDouble).sum() / T;
  };
  const TrainingStepResult taken =
      train_on(hidden_step, pack(items, microbatch_tokens), {}, result);
  report_loads(result.expert_loads, step.policy.model_config(),
               static_cast<double>(result.num_steps), result.metrics, result.lists);
  if (taken.loss) result.metrics["loss"] = *taken.loss;
  if (taken.grad_norm) result.metrics["grad_norm"] = *taken.grad_norm;
  result.metrics.set_mean("teacher_kl", kl, T);
  return result;
}

}  // namespace gradus::rl
