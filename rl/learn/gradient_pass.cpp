#include "rl/learn/gradient_pass.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "rl/learn/prediction_loss.h"
#include "rl/learn/work_model.h"
#include "rl/parallel/gradient_sync.h"

namespace gradus::rl {
namespace {

/// Adds the life of this object to a figure.
class Timer {
 public:
  Timer(double& seconds, const Clock& clock) : seconds_(seconds), clock_(clock) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { seconds_ += clock_.now_s() - begin_s_; }

 private:
  double& seconds_;
  const Clock& clock_;
  double begin_s_ = clock_.now_s();
};

/// Losses are computed on the CPU on every device: vectors of one number per token, summed in a
/// fixed order.
policy::Scores on_cpu(const policy::Scores& scores) {
  return {scores.logprobs.to(at::kCPU), scores.entropies.to(at::kCPU)};
}

/// Of a microbatch's rows, through forward and backward passes or forward ones alone.
void add_cost(const WorkModel& work, const Microbatch& microbatch, bool is_trained,
              UpdateCost& cost) {
  const policy::PackedBatch& batch = microbatch.batch;
  if (is_trained) {
    cost.trained_tokens += batch.num_rows();
    cost.trained_flops += work.training(batch, microbatch.num_scores());
  } else {
    cost.scored_tokens += batch.num_rows();
    cost.scored_flops += work.forward(batch, microbatch.num_scores());
  }
}

}  // namespace

void stop_here_if_wanted(const StepEnvironment& environment) {
  if (!environment.stop.stop_requested()) return;
  if (environment.keeper == nullptr || environment.keeper->can_restore()) throw Stopped();
}

at::Tensor score_tokens(const ScoringPass& pass, const std::vector<Microbatch>& microbatches,
                        int64_t num_tokens, UpdateCost& cost, ThreadTeam& team) {
  const Timer timer(cost.logprobs_s, pass.environment.clock);
  const at::NoGradGuard no_grad;
  at::Tensor logprobs = at::zeros({num_tokens}, at::kFloat);
  float* out = logprobs.mutable_data_ptr<float>();
  policy::PolicyConfig scoring = pass.policy.policy_config();
  if (!pass.use_adapters) scoring.lora = {};
  const WorkModel work(pass.policy.model_config(), scoring);
  for (const Microbatch& microbatch : microbatches) {
    stop_here_if_wanted(pass.environment);
    policy::RoutingPass routing;
    routing.replays = pass.replays;
    if (pass.replays && !microbatch.experts.experts.empty()) routing.given = &microbatch.experts;
    policy::PackedBatch batch = microbatch.batch;
    batch.routing = &routing;
    const at::Tensor hidden = pass.policy.forward(batch, team, pass.use_adapters);
    const at::Tensor scored =
        pass.policy.score(hidden, microbatch.scores, pass.temperature, team, pass.use_adapters)
            .logprobs.to(at::kCPU)
            .contiguous();
    const float* in = scored.const_data_ptr<float>();
    for (size_t s = 0; s < microbatch.token.size(); ++s) out[microbatch.token[s]] = in[s];
    add_cost(work, microbatch, false, cost);
  }
  return logprobs;
}

void start_skipped(UpdateResult& update) {
  update.metrics["skipped_steps/empty"] = 0.0;
  update.metrics["skipped_steps/not_finite"] = 0.0;
}

void note_empty(UpdateResult& update, std::string reason) {
  if (update.skipped.count() == 0) update.skipped.reason = std::move(reason);
  ++update.skipped.num_empty;
  update.metrics["skipped_steps/empty"] += 1.0;
}

void note_not_finite(UpdateResult& update, std::string reason) {
  if (update.skipped.num_not_finite == 0) update.skipped.reason = std::move(reason);
  ++update.skipped.num_not_finite;
  update.metrics["skipped_steps/not_finite"] += 1.0;
}

TrainingStepResult train_on(const TrainingStep& step, const std::vector<Microbatch>& microbatches,
                            const MicrobatchLoss& loss, UpdateResult& update) {
  TrainingStepResult result;
  step.optimizer.zero_gradients();
  double sum = 0.0;
  PredictionLoss prediction(step.policy, step.prediction_weight, step.prediction_gradient,
                            microbatches);
  MixtureStep mixture(step.mixture, microbatches);
  const WorkModel work(step.policy.model_config(), step.policy.policy_config());
  for (size_t i = 0; i < microbatches.size(); ++i) {
    stop_here_if_wanted(step.environment);
    const Timer timer(update.cost.forward_backward_s, step.environment.clock);
    const c10::AutoGradMode with_gradient(step.has_signal);
    Microbatch microbatch = microbatches[i];
    microbatch.batch.routing = mixture.routing_of(microbatches[i]);
    const at::Tensor hidden = step.policy.forward(microbatch.batch, step.team);
    const at::Tensor part =
        step.hidden_loss ? step.hidden_loss(microbatch, hidden)
                         : loss(microbatch, on_cpu(step.policy.score(hidden, microbatch.scores,
                                                                     step.temperature, step.team)));
    const at::Tensor total =
        prediction.is_used() ? part + prediction.of(microbatch, hidden, step.team) : part;
    if (const double all = total.item<double>(); !std::isfinite(all)) {
      note_not_finite(update, fmt::format("the loss of microbatch {} of {} is {}", i + 1,
                                          microbatches.size(), all));
      return result;
    }
    sum += part.item<double>();
    if (step.has_signal) total.backward();
    add_cost(work, microbatch, step.has_signal, update.cost);
  }
  result.loss = sum;
  prediction.report(update.metrics);
  if (step.has_signal) update.cost.trained_flops += prediction.flops();
  add_loads(mixture.loads(), update.expert_loads);
  if (!step.has_signal) {
    note_empty(update, "no completion of a minibatch can change the gradient");
    result.grad_norm = 0.0;
    return result;
  }
  const Timer timer(update.cost.optimizer_s, step.environment.clock);
  if (step.environment.communicator != nullptr)
    sum_gradients(step.policy.parameters(), *step.environment.communicator);
  if (step.environment.keeper != nullptr) step.environment.keeper->moving();
  const Optimizer::StepResult taken = step.optimizer.step(step.learning_rate, step.team);
  if (taken.was_skipped) {
    note_not_finite(update, taken.skip_reason);
    return result;
  }
  result.grad_norm = taken.grad_norm;
  ++update.num_steps;
  mixture.move_biases(step.policy);
  step.policy.publish_weights(step.team);
  return result;
}

}  // namespace gradus::rl
