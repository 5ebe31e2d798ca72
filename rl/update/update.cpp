#include "rl/update/update.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "rl/algorithms/mismatch/mismatch.h"
#include "rl/algorithms/objective.h"
#include "rl/learn/gradient_pass.h"
#include "rl/update/completion_scores.h"
#include "rl/update/training_batch.h"
#include "rl/update/update_metrics.h"

namespace gradus::rl {
namespace {

void check_can_train_modules(const policy::Policy& policy) {
  if (policy.model_config().num_mtp_layers == 0) {
    throw ConfigError(
        "rl.mtp_weight: the model has no multi-token prediction modules "
        "(num_nextn_predict_layers); set it to 0");
  }
  if (policy.policy_config().lora.rank > 0) {
    throw ConfigError(
        "rl.mtp_weight: with model.lora.rank above 0 the prediction modules are frozen; set it to "
        "0");
  }
}

void check_arguments(const policy::Policy& policy, const Reference& reference,
                     const AlgorithmConfig& config, double temperature) {
  check(config);
  if (!(temperature > 0.0)) {
    throw ArgumentError(fmt::format(
        "update: temperature is {}, must be > 0. Greedy rollouts have no logprobs to learn from; "
        "set rollout.temperature to 1",
        temperature));
  }
  if (config.kl_coef > 0.0 && !config.kl_in_reward && reference.policy == nullptr &&
      reference.parameters == nullptr && policy.policy_config().lora.rank == 0) {
    throw ArgumentError(
        "update: rl.kl_coef is above 0, but there is neither a reference policy nor adapters over "
        "a base model");
  }
  if (config.mtp_weight > 0.0) check_can_train_modules(policy);
}

/// Indices of groups in the order of an epoch: as given, or shuffled where minibatches differ.
std::vector<int32_t> group_order(size_t num_groups, bool is_shuffled, RandomStream random) {
  std::vector<int32_t> order(num_groups);
  std::iota(order.begin(), order.end(), 0);
  if (!is_shuffled) return order;
  for (size_t i = num_groups; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
  }
  return order;
}

/// [S] int64 copy.
at::Tensor index_tensor(const std::vector<int64_t>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor;
}

void report_staleness(const TrainingBatch& batch, int64_t version, Metrics& metrics) {
  double sum = 0.0;
  int64_t highest = 0;
  int64_t count = 0;
  for (const TrainingSequence& s : batch.sequences) {
    const int64_t sampled_by = (*batch.groups)[static_cast<size_t>(s.group)]
                                   .completions[static_cast<size_t>(s.completion)]
                                   .oldest_version();
    if (sampled_by < 0) continue;
    highest = std::max(highest, version - sampled_by);
    sum += static_cast<double>(version - sampled_by);
    ++count;
  }
  if (count == 0) return;
  metrics.set_mean("staleness/mean", sum, static_cast<double>(count));
  metrics["staleness/max"] = static_cast<double>(highest);
}

/// One call of update_policy.
class PolicyUpdate {
 public:
  PolicyUpdate(const TrainingStep& step, Reference reference, const std::vector<Group>& groups,
               const AlgorithmConfig& config)
      : step_(step),
        reference_(reference),
        config_(config),
        batch_(collect(groups, config, step.policy.model_config())),
        num_minibatches_(std::min<size_t>(static_cast<size_t>(config.minibatches), groups.size())) {
  }

  UpdateResult run(uint64_t seed, uint64_t step_number) {
    seed_ = RandomStream(seed, step_number, hash_text("losses")).next();
    report_staleness(batch_, step_.policy.version(), result_.metrics);
    result_.metrics["learning_rate"] = step_.learning_rate;
    start_skipped(result_);
    if (batch_.sequences.empty()) {
      note_empty(result_,
                 batch_.groups->empty()
                     ? "no group has a signal (rl.dynamic_sampling)"
                     : "no completion of the batch can be trained on: all failed or empty");
      return std::move(result_);
    }
    score_batch();
    start_token_figures();
    for (int epoch = 0; epoch < config_.epochs; ++epoch) {
      is_first_epoch_ = epoch == 0;
      const RandomStream random(seed, step_number, hash_text("minibatches"),
                                static_cast<uint64_t>(epoch));
      train_epoch(group_order(batch_.groups->size(), num_minibatches_ > 1, random));
    }
    metrics_.report(config_.mismatch.is_used(), result_.metrics);
    comparison_.report(result_.metrics);
    report_loads(result_.expert_loads, step_.policy.model_config(),
                 static_cast<double>(result_.num_steps), result_.metrics, result_.lists);
    return std::move(result_);
  }

 private:
  /// Old logprobs are those of the forward pass that trains, unless weights change between the two
  /// or tokens are taken out by them before.
  bool scores_old() const {
    return config_.epochs != 1 || num_minibatches_ != 1 || config_.filters_tokens();
  }

  /// Old and reference logprobs, before any weight changes.
  void score_batch() {
    const bool needs_reference = config_.kl_coef > 0.0 && !config_.kl_in_reward;
    if (!scores_old() && !needs_reference) return;
    const auto order = group_order(batch_.groups->size(), false, RandomStream(0));
    const auto all = make_minibatch(batch_, order, config_.microbatch_tokens).microbatches;
    if (needs_reference) batch_.reference_logprobs = reference_logprobs(all);
    if (!scores_old()) return;
    batch_.old_logprobs = score(step_.policy, true, all, true);
    for (const Microbatch& microbatch : all) {
      const at::Tensor token_S = index_tensor(microbatch.token);
      comparison_.add(batch_.old_logprobs.index_select(0, token_S),
                      batch_.rollout_logprobs.index_select(0, token_S));
    }
    if (!config_.filters_tokens()) return;
    const double before = batch_.is_live.sum().item<double>();
    filter_tokens(batch_, config_);
    result_.metrics.set_mean("mismatch/rejected_share",
                             before - batch_.is_live.sum().item<double>(), std::max(1.0, before));
  }

  void start_token_figures() {
    const auto wanted = static_cast<size_t>(step_.environment.noted_groups);
    if (wanted == 0) return;
    for (size_t g = 0; g < std::min(wanted, batch_.groups->size()); ++g)
      result_.tokens.emplace_back((*batch_.groups)[g].completions.size());
    sequence_of_token_.resize(static_cast<size_t>(batch_.num_tokens()));
    for (size_t i = 0; i < batch_.sequences.size(); ++i) {
      const TrainingSequence& s = batch_.sequences[i];
      std::fill_n(sequence_of_token_.begin() + s.first_token, s.num_tokens, i);
    }
  }

  /// Keeps what was seen of the tokens before they were trained on.
  void note_tokens(const Microbatch& microbatch, const at::Tensor& old_S,
                   const at::Tensor& entropy_S) {
    if (!is_first_epoch_ || result_.tokens.empty()) return;
    const at::Tensor old = old_S.detach().to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor entropies = entropy_S.detach().to(at::kCPU, at::kFloat).contiguous();
    for (size_t i = 0; i < microbatch.token.size(); ++i) {
      const int64_t token = microbatch.token[i];
      const TrainingSequence& s = batch_.sequences[sequence_of_token_[static_cast<size_t>(token)]];
      if (static_cast<size_t>(s.group) >= result_.tokens.size()) continue;
      TokenFigures& figures =
          result_.tokens[static_cast<size_t>(s.group)][static_cast<size_t>(s.completion)];
      const auto count = static_cast<size_t>(s.num_tokens);
      figures.logprobs.resize(count, std::numeric_limits<float>::quiet_NaN());
      figures.entropies.resize(count, std::numeric_limits<float>::quiet_NaN());
      figures.logprobs[static_cast<size_t>(token - s.first_token)] = old.const_data_ptr<float>()[i];
      figures.entropies[static_cast<size_t>(token - s.first_token)] =
          entropies.const_data_ptr<float>()[i];
    }
  }

  at::Tensor reference_logprobs(const std::vector<Microbatch>& microbatches) {
    return score_reference(step_.policy, reference_,
                           {step_.policy, step_.temperature, true, false, step_.environment},
                           microbatches, batch_.num_tokens(), result_.cost, step_.team);
  }

  /// The policy's own rows obey the sampler as its training does; the reference chooses freely.
  at::Tensor score(const policy::Policy& policy, bool use_adapters,
                   const std::vector<Microbatch>& microbatches, bool is_own) {
    return score_tokens({policy, step_.temperature, use_adapters, is_own && step_.mixture.replays,
                         step_.environment},
                        microbatches, batch_.num_tokens(), result_.cost, step_.team);
  }

  void train_epoch(const std::vector<int32_t>& order) {
    for (size_t m = 0; m < num_minibatches_; ++m) {
      const size_t begin = order.size() * m / num_minibatches_;
      const size_t end = order.size() * (m + 1) / num_minibatches_;
      train_minibatch(make_minibatch(batch_, std::span(order).subspan(begin, end - begin),
                                     config_.microbatch_tokens));
    }
  }

  void train_minibatch(const Minibatch& minibatch) {
    if (minibatch.denominators.num_tokens == 0) {
      note_empty(result_,
                 "no completion of a minibatch counts in the loss: all failed, empty, or masked "
                 "as truncated");
      return;
    }
    const auto loss = [&](const Microbatch& microbatch, const policy::Scores& scores) {
      return microbatch_loss(minibatch, microbatch, scores, true);
    };
    TrainingStep step = step_;
    step.loss_alone = [&](const Microbatch& microbatch, const policy::Scores& scores) {
      return microbatch_loss(minibatch, microbatch, scores, false);
    };
    step.has_signal = has_signal(minibatch);
    metrics_.add(train_on(step, minibatch.microbatches, loss, result_));
  }

  /// Whether some gradient of the minibatch can differ from 0.
  bool has_signal(const Minibatch& minibatch) const {
    if (config_.mtp_weight > 0.0 || step_.mixture.balance_loss > 0.0) return true;
    return std::ranges::any_of(minibatch.sequences, [&](int32_t index) {
      return can_change_gradient(batch_, batch_.sequences[static_cast<size_t>(index)], config_);
    });
  }

  // Shapes: S scored tokens of the microbatch. Figures are taken where it is noted.
  at::Tensor microbatch_loss(const Minibatch& minibatch, const Microbatch& microbatch,
                             const policy::Scores& scores, bool is_noted) {
    const at::Tensor token_S = index_tensor(microbatch.token);
    const auto gather = [&](const at::Tensor& values) { return values.index_select(0, token_S); };
    const at::Tensor rollout_S = gather(batch_.rollout_logprobs);
    ObjectiveInputs in;
    LossInputs& tokens = in.tokens;
    tokens.logprobs = scores.logprobs;
    tokens.old_logprobs = scores_old() ? gather(batch_.old_logprobs) : scores.logprobs.detach();
    tokens.advantages = gather(batch_.advantages);
    tokens.is_live = gather(batch_.is_live);
    tokens.sequence = index_tensor(microbatch.sequence);
    tokens.num_sequences = static_cast<int64_t>(microbatch.items.size());
    tokens.rollout_logprobs = rollout_S;
    tokens.entropies = scores.entropies;
    tokens.seed = seed_;
    if (batch_.teacher_logprobs.defined())
      tokens.teacher_logprobs = gather(batch_.teacher_logprobs);
    if (batch_.reference_logprobs.defined())
      in.reference_logprobs = gather(batch_.reference_logprobs);
    in.entropies = scores.entropies;
    in.weights = weights(minibatch, microbatch);
    if (config_.positive_nll_coef > 0.0) in.right_weights = right_weights(minibatch, microbatch);
    if (is_noted && !scores_old()) comparison_.add(tokens.old_logprobs, rollout_S);
    if (is_noted) note_tokens(microbatch, tokens.old_logprobs, scores.entropies);

    const ObjectiveTerms out = objective(in, config_);
    if (is_noted) metrics_.add(LossParts{in.weights, out, scores.entropies, tokens.is_live});
    return out.loss;
  }

  const TrainingSequence& sequence_of(const Minibatch& minibatch, const Microbatch& microbatch,
                                      size_t s) const {
    const int32_t item = microbatch.items[static_cast<size_t>(microbatch.sequence[s])];
    const int32_t index = minibatch.sequences[static_cast<size_t>(item)];
    return batch_.sequences[static_cast<size_t>(index)];
  }

  /// [S] float32: what each token's loss is multiplied by.
  at::Tensor weights(const Minibatch& minibatch, const Microbatch& microbatch) const {
    at::Tensor weights = at::empty({microbatch.num_scores()}, at::kFloat);
    float* out = weights.mutable_data_ptr<float>();
    for (size_t s = 0; s < microbatch.sequence.size(); ++s) {
      const TrainingSequence& sequence = sequence_of(minibatch, microbatch, s);
      const TokenPlace place{sequence.num_live, minibatch.prompt_tokens.at(sequence.group)};
      out[s] = sequence.num_live == 0
                   ? 0.0F
                   : static_cast<float>(token_weight(config_.aggregation, minibatch.denominators,
                                                     place, config_.constant_length));
    }
    return weights;
  }

  /// [S] float32: of the negative log-likelihood, in completions whose reward is positive.
  at::Tensor right_weights(const Minibatch& minibatch, const Microbatch& microbatch) const {
    at::Tensor weights = at::empty({microbatch.num_scores()}, at::kFloat);
    float* out = weights.mutable_data_ptr<float>();
    const double n = static_cast<double>(std::max<int64_t>(1, minibatch.num_right_tokens));
    for (size_t s = 0; s < microbatch.sequence.size(); ++s)
      out[s] = sequence_of(minibatch, microbatch, s).is_right
                   ? static_cast<float>(config_.positive_nll_coef / n)
                   : 0.0F;
    return weights;
  }

  TrainingStep step_;
  Reference reference_;
  const AlgorithmConfig& config_;
  TrainingBatch batch_;
  size_t num_minibatches_;
  uint64_t seed_ = 0;  ///< of what losses draw
  bool is_first_epoch_ = true;
  std::vector<size_t> sequence_of_token_;  ///< [N]
  UpdateMetrics metrics_;
  SamplerComparison comparison_;
  UpdateResult result_;
};

}  // namespace

UpdateResult update_policy(policy::Policy& policy, Reference reference, Optimizer& optimizer,
                           const std::vector<Group>& groups, const AlgorithmConfig& config,
                           double learning_rate, double temperature, uint64_t seed, uint64_t step,
                           ThreadTeam& team, const StepEnvironment& environment) {
  check_arguments(policy, reference, config, temperature);
  MixtureTraining mixture = resolve(config.moe, policy, "rl.moe", false);
  mixture.replays = config.routing == RoutingUse::replay;
  PolicyUpdate update({policy, optimizer, learning_rate, temperature, team, config.mtp_weight,
                       policy::PredictionGradient::module_alone, mixture, environment},
                      reference, groups, config);
  return update.run(seed, step);
}

}  // namespace gradus::rl
