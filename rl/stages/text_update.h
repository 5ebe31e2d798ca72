#pragma once

#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "policy/policy.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/mixture_training.h"
#include "rl/learn/optimizers/optimizer.h"
#include "rl/learn/update_result.h"

namespace gradus::rl {

/// One row of text for supervised fine-tuning or pre-training.
struct TextExample {
  std::vector<int32_t> tokens;
  std::vector<uint8_t>
      is_target;        ///< [tokens] 1 where the token's NLL counts; the first never does
  int64_t num_cut = 0;  ///< tokens behind these that the model's context does not hold
};

/// One step of next-token training on examples: loss = sum of NLL over targets / their number in
/// the whole batch. Same packing, clipping, skipping and optimizer as update_policy.
///
/// @param prediction_weight  of the loss of multi-token prediction (PredictionLoss), added where
///                           the model has modules that are trained.
/// @param mixture            how experts' load is kept even, where the model has mixtures.
/// @throws gradus::ArgumentError  an example whose two vectors differ in length.
UpdateResult update_on_text(policy::Policy& policy, Optimizer& optimizer,
                            const std::vector<TextExample>& examples, int64_t microbatch_tokens,
                            double learning_rate, ThreadTeam& team, double prediction_weight = 0.0,
                            const MixtureTraining& mixture = {},
                            const StepEnvironment& environment = {});

}  // namespace gradus::rl
