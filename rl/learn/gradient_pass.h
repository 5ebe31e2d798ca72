#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "policy/policy.h"
#include "rl/learn/mixture_training.h"
#include "rl/learn/optimizers/optimizer.h"
#include "rl/learn/pack.h"
#include "rl/learn/update_result.h"
#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// What a step needs beside its policy: who tells the time, and who trains with it.
struct StepEnvironment {
  const Clock& clock = machine_clock();
  Communicator* communicator = nullptr;  ///< null: alone
};

/// Which weights score, and how.
struct ScoringPass {
  const policy::Policy& policy;
  double temperature = 1.0;
  bool use_adapters = true;
  bool replays = false;  ///< the sampler's choices of experts are obeyed where they were kept
  const Clock& clock = machine_clock();
};

/// Logprobs of all scored tokens without autograd, one microbatch after the other.
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
};

struct TrainingStepResult {
  std::optional<double> loss;       ///< absent when it was not finite
  std::optional<double> grad_norm;  ///< absent when it was not finite or not reached
};

/// One optimizer step: forward, loss (and that of multi-token prediction) and backward for each
/// microbatch, the sum over ranks, then clip, AdamW and publish_weights. A loss or gradient that is
/// not finite leaves weights and moments as they were and is noted in `update`, as are cost and
/// tokens. What a microbatch needed is released before the next one. Mixtures of experts:
/// rl/learn/mixture_training.h.
TrainingStepResult train_on(const TrainingStep& step, const std::vector<Microbatch>& microbatches,
                            const MicrobatchLoss& loss, UpdateResult& update);

/// Sets the metrics of steps left out to 0.
void start_skipped(UpdateResult& update);
/// Notes a step left out, in `skipped` and the metrics.
void note_empty(UpdateResult& update, std::string reason);
void note_not_finite(UpdateResult& update, std::string reason);

}  // namespace gradus::rl
