#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "policy/policy.h"
#include "rl/learn/mixture_training.h"
#include "rl/learn/optimizers/optimizer.h"
#include "rl/learn/pack.h"
#include "rl/learn/step_environment.h"
#include "rl/learn/update_result.h"

namespace gradus::rl {

/// Which weights score, and how.
struct ScoringPass {
  const policy::Policy& policy;
  double temperature = 1.0;
  bool use_adapters = true;
  bool replays = false;  ///< the sampler's choices of experts are obeyed where they were kept
  StepEnvironment environment = {};
};

/// Logprobs of all scored tokens without autograd, one microbatch after the other; several ranks
/// share them.
/// @return  [num_tokens] float32 on the CPU; 0 at tokens that no microbatch scores.
at::Tensor score_tokens(const ScoringPass& pass, const std::vector<Microbatch>& microbatches,
                        int64_t num_tokens, UpdateCost& cost, ThreadTeam& team);

/// A microbatch's share of the minibatch's loss, from scores [S] on the CPU; a scalar (double).
using MicrobatchLoss = std::function<at::Tensor(const Microbatch&, const policy::Scores&)>;

struct TrainingStep {
  policy::Policy& policy;
  Optimizer& optimizer;
  double learning_rate = 0.0;
  double temperature = 1.0;
  ThreadTeam& team;
  double prediction_weight = 0.0;  ///< of the loss of multi-token prediction
  policy::PredictionGradient prediction_gradient = policy::PredictionGradient::module_alone;
  MixtureTraining mixture;
  StepEnvironment environment;
  /// False: no gradient can differ from 0. Losses are computed for the figures, and no optimizer
  /// step is taken: momentum and decay alone would move the weights.
  bool has_signal = true;
  /// The loss without its figures. Where it is given, ranks share the microbatches: each computes
  /// the gradients of its own, and evaluates `loss` of all in their order from their scores, so
  /// that figures are those of one process. Empty: every rank computes all microbatches.
  MicrobatchLoss loss_alone = {};
  /// A loss of hidden states [rows, D] in place of the loss of scores, which are then not computed.
  std::function<at::Tensor(const Microbatch&, const at::Tensor& hidden)> hidden_loss = {};
};

struct TrainingStepResult {
  std::optional<double> loss;       ///< absent when it was not finite
  std::optional<double> grad_norm;  ///< absent when it was not finite or not reached
};

/// One optimizer step: forward, loss (and that of multi-token prediction) and backward for each
/// microbatch, the sum over leaves and ranks, then clip, AdamW and publish_weights. A loss or
/// gradient that is not finite leaves weights and moments as they were and is noted in `update`, as
/// are cost and tokens. What a microbatch needed is released before the next one. Mixtures of
/// experts: rl/learn/mixture_training.h.
/// @throws Stopped  as StepEnvironment::stop says.
TrainingStepResult train_on(const TrainingStep& step, const std::vector<Microbatch>& microbatches,
                            const MicrobatchLoss& loss, UpdateResult& update);

/// Sets the metrics of steps left out to 0.
void start_skipped(UpdateResult& update);
/// Notes a step left out, in `skipped` and the metrics.
void note_empty(UpdateResult& update, std::string reason);
void note_not_finite(UpdateResult& update, std::string reason);

}  // namespace gradus::rl
