#pragma once

#include <ATen/core/Tensor.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

/// Everything that one microbatch's loss is made of. Shapes: S scored tokens.
struct ObjectiveInputs {
  LossInputs tokens;              ///< the sampler's logprobs included
  at::Tensor reference_logprobs;  ///< [S]; read where rl.kl_coef > 0 and not rl.kl_in_reward
  at::Tensor entropies;           ///< [S]; read where rl.entropy_coef > 0
  at::Tensor weights;             ///< [S] token_weight of each; 0 where not live
  at::Tensor right_weights;       ///< [S] of -lp in rl.positive_nll_coef's term; undefined: none
};

struct ObjectiveTerms {
  LossTerms terms;              ///< of the policy loss
  at::Tensor mismatch_weights;  ///< [S]
  at::Tensor policy_loss;       ///< [S] mismatch weights included
  at::Tensor kl;                ///< [S] the estimate; undefined without KL term
  at::Tensor kl_loss;           ///< [S] what of it enters the loss, without gradient
  at::Tensor loss;              ///< scalar double, with gradient
};

/// The loss of the configured algorithm:
///
///   sum_t weight_t (v_t L_t + kl_coef k_t - entropy_coef H_t) + sum_t right_weight_t (-lp_t)
///
/// with the policy loss L of rl.loss, the mismatch weights v and the KL estimate k.
ObjectiveTerms objective(ObjectiveInputs in, const AlgorithmConfig& config);

}  // namespace gradus::rl
