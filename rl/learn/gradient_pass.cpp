#include "rl/learn/gradient_pass.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "rl/learn/microbatch_record.h"
#include "rl/learn/prediction_loss.h"
#include "rl/learn/work_model.h"
#include "rl/parallel/bytes.h"
#include "rl/parallel/gather.h"
#include "rl/parallel/gradient_sum.h"

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

Communicator& one_rank() {
  static const std::unique_ptr<Communicator> one = alone();
  return *one;
}

Communicator& ranks_of(const StepEnvironment& environment) {
  return environment.communicator == nullptr ? one_rank() : *environment.communicator;
}

/// Each rank has the logprobs of its microbatches in `out`; all get those of all.
/// @throws Stopped  a rank wants to stop.
void share_logprobs(const StepEnvironment& environment, const std::vector<Microbatch>& microbatches,
                    float* out) {
  Communicator& ranks = *environment.communicator;
  const auto count = static_cast<int64_t>(microbatches.size());
  const LeafRange own = part_of(count, ranks.rank(), ranks.size());
  std::vector<float> values;
  for (int64_t i = own.begin; i < own.end; ++i)
    for (const int64_t token : microbatches[static_cast<size_t>(i)].token)
      values.push_back(out[token]);
  ByteWriter bytes;
  bytes.number(environment.wants_to_stop());
  bytes.list(values);
  bool stops = false;
  const auto texts = gather_texts(ranks, bytes.take());
  for (int r = 0; r < ranks.size(); ++r) {
    ByteReader in(texts[static_cast<size_t>(r)]);
    stops = in.number<bool>() || stops;
    const auto theirs = in.list<float>();
    size_t next = 0;
    const LeafRange range = part_of(count, r, ranks.size());
    for (int64_t i = range.begin; i < range.end; ++i)
      for (const int64_t token : microbatches[static_cast<size_t>(i)].token)
        out[token] = theirs.at(next++);
  }
  if (stops) throw Stopped();
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

at::Tensor score_tokens(const ScoringPass& pass, const std::vector<Microbatch>& microbatches,
                        int64_t num_tokens, UpdateCost& cost, ThreadTeam& team) {
  const Timer timer(cost.logprobs_s, pass.environment.clock);
  const at::NoGradGuard no_grad;
  at::Tensor logprobs = at::zeros({num_tokens}, at::kFloat);
  float* out = logprobs.mutable_data_ptr<float>();
  policy::PolicyConfig scoring = pass.policy.policy_config();
  if (!pass.use_adapters) scoring.lora = {};
  const WorkModel work(pass.policy.model_config(), scoring);
  const auto count = static_cast<int64_t>(microbatches.size());
  Communicator& ranks = ranks_of(pass.environment);
  const LeafRange own = part_of(count, ranks.rank(), ranks.size());
  for (int64_t i = own.begin; i < own.end; ++i) {
    stop_here_if_wanted(pass.environment);
    if (pass.environment.wants_to_stop()) break;
    const Microbatch& microbatch = microbatches[static_cast<size_t>(i)];
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
  }
  if (!pass.environment.is_alone()) share_logprobs(pass.environment, microbatches, out);
  for (const Microbatch& microbatch : microbatches) add_cost(work, microbatch, false, cost);
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

namespace {

/// One call of train_on.
class GradientPass {
 public:
  GradientPass(const TrainingStep& step, const std::vector<Microbatch>& microbatches,
               const MicrobatchLoss& loss, UpdateResult& update)
      : step_(step),
        microbatches_(microbatches),
        loss_(loss),
        update_(update),
        is_shared_(!step.environment.is_alone() && step.loss_alone),
        prediction_(step.policy, step.prediction_weight, step.prediction_gradient, microbatches),
        mixture_(step.mixture, microbatches),
        sum_of_leaves_(make_gradient_sum(step.environment.reduction, step.policy.parameters(),
                                         num_leaves(),
                                         is_shared_ ? ranks_of(step.environment) : one_rank())),
        work_(step.policy.model_config(), step.policy.policy_config()),
        records_(microbatches.size()) {}

  TrainingStepResult run() {
    step_.optimizer.zero_gradients();
    const bool is_finite = compute_own();
    if (!step_.environment.is_alone()) exchange();
    if (!is_finite && !is_shared_) return result_;
    if (is_shared_ && !look_at_all()) return result_;
    result_.loss = sum_;
    prediction_.report(update_.metrics);
    if (step_.has_signal) update_.cost.trained_flops += prediction_.flops();
    add_loads(mixture_.loads(), update_.expert_loads);
    if (!step_.has_signal) {
      note_empty(update_, "no completion of a minibatch can change the gradient");
      result_.grad_norm = 0.0;
      return result_;
    }
    move();
    return result_;
  }

 private:
  int64_t num_leaves() const {
    return std::min(std::ssize(microbatches_), int64_t{step_.environment.leaves});
  }

  /// False: a loss is not finite; what follows it is not computed.
  bool compute_own() {
    const auto count = std::ssize(microbatches_);
    for (int64_t leaf = sum_of_leaves_->own().begin; leaf < sum_of_leaves_->own().end; ++leaf) {
      const LeafRange range = part_of(count, leaf, num_leaves());
      for (int64_t i = range.begin; i < range.end; ++i) {
        stop_here_if_wanted(step_.environment);
        if (step_.environment.wants_to_stop()) return true;  // the others hear of it
        if (!compute(static_cast<size_t>(i))) return false;
      }
      const Timer timer(update_.cost.forward_backward_s, step_.environment.clock);
      if (step_.has_signal) sum_of_leaves_->end_leaf();
    }
    return true;
  }

  bool compute(size_t i) {
    const Timer timer(update_.cost.forward_backward_s, step_.environment.clock);
    const c10::AutoGradMode with_gradient(step_.has_signal);
    Microbatch microbatch = microbatches_[i];
    microbatch.batch.routing = mixture_.routing_of(microbatches_[i]);
    const at::Tensor hidden = step_.policy.forward(microbatch.batch, step_.team);
    MicrobatchRecord record;
    const at::Tensor part = loss_of(microbatch, hidden, record);
    const at::Tensor total =
        prediction_.is_used()
            ? part + prediction_.of(microbatch, hidden, step_.team, record.prediction)
            : part;
    const bool is_finite = std::isfinite(total.item<double>());
    if (is_finite && step_.has_signal) total.backward();
    record.loads = mixture_.take_loads();
    if (is_shared_) {
      records_[i] = std::move(record);
      return is_finite;
    }
    return add(i, part.item<double>(), record);
  }

  at::Tensor loss_of(const Microbatch& microbatch, const at::Tensor& hidden,
                     MicrobatchRecord& record) const {
    if (step_.hidden_loss) return step_.hidden_loss(microbatch, hidden);
    const auto scores =
        on_cpu(step_.policy.score(hidden, microbatch.scores, step_.temperature, step_.team));
    if (!is_shared_) return loss_(microbatch, scores);
    record.scores = {scores.logprobs.detach(), scores.entropies.detach()};
    return step_.loss_alone(microbatch, scores);
  }

  /// Takes a microbatch into the figures. False: its loss is not finite.
  bool add(size_t i, double part, const MicrobatchRecord& record) {
    if (const double all = part + record.prediction.loss; !std::isfinite(all)) {
      note_not_finite(update_, fmt::format("the loss of microbatch {} of {} is {}", i + 1,
                                           microbatches_.size(), all));
      return false;
    }
    sum_ += part;
    prediction_.add(record.prediction);
    mixture_.add(record.loads);
    add_cost(work_, microbatches_[i], step_.has_signal, update_.cost);
    return true;
  }

  /// The figures of what all ranks computed, in the microbatches' order.
  bool look_at_all() {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < microbatches_.size(); ++i) {
      if (!records_[i]) throw PeerError("microbatches are missing; do all ranks run one recipe?");
      const at::Tensor part = loss_(microbatches_[i], records_[i]->scores);
      if (!add(i, part.item<double>(), *records_[i])) return false;
      records_[i].reset();
    }
    return true;
  }

  /// @throws Stopped  a rank wants to stop.
  void exchange() {
    const Timer timer(update_.cost.exchange_s, step_.environment.clock);
    ByteWriter own;
    own.number(step_.environment.wants_to_stop());
    for (size_t i = 0; i < records_.size(); ++i) {
      if (!records_[i]) continue;
      own.number(i);
      write(*records_[i], own);
    }
    bool stops = false;
    for (const std::string& text : gather_texts(ranks_of(step_.environment), own.take())) {
      ByteReader in(text);
      stops = in.number<bool>() || stops;
      while (!in.is_empty()) {
        const auto i = in.number<size_t>();
        records_.at(i) = read_microbatch_record(in);
      }
    }
    if (stops) throw Stopped();
  }

  void move() {
    const Timer timer(update_.cost.optimizer_s, step_.environment.clock);
    if (step_.environment.is_alone()) {
      sum_of_leaves_->sum();
    } else {
      const Timer sums(update_.cost.exchange_s, step_.environment.clock);
      sum_of_leaves_->sum();
    }
    if (step_.environment.keeper != nullptr) step_.environment.keeper->moving();
    const Optimizer::StepResult taken = step_.optimizer.step(step_.learning_rate, step_.team);
    if (taken.was_skipped) {
      note_not_finite(update_, taken.skip_reason);
      return;
    }
    result_.grad_norm = taken.grad_norm;
    ++update_.num_steps;
    mixture_.move_biases(step_.policy);
    step_.policy.publish_weights(step_.team);
  }

  const TrainingStep& step_;
  const std::vector<Microbatch>& microbatches_;
  const MicrobatchLoss& loss_;
  UpdateResult& update_;
  bool is_shared_;
  PredictionLoss prediction_;
  MixtureStep mixture_;
  std::unique_ptr<GradientSum> sum_of_leaves_;
  WorkModel work_;
  std::vector<std::optional<MicrobatchRecord>> records_;
  double sum_ = 0.0;
  TrainingStepResult result_;
};

}  // namespace

TrainingStepResult train_on(const TrainingStep& step, const std::vector<Microbatch>& microbatches,
                            const MicrobatchLoss& loss, UpdateResult& update) {
  return GradientPass(step, microbatches, loss, update).run();
}

}  // namespace gradus::rl
