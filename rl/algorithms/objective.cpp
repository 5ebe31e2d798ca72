#include "rl/algorithms/objective.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>

#include "rl/algorithms/kl/kl.h"
#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {

ObjectiveTerms objective(ObjectiveInputs in, const AlgorithmConfig& config) {
  const PolicyLoss& policy_loss = policy_losses().at(config.loss);
  LossInputs& tokens = in.tokens;
  ObjectiveTerms out;
  out.mismatch_weights = mismatch_weights(tokens, tokens.rollout_logprobs, config.mismatch);
  tokens.mismatch_weights = out.mismatch_weights;
  out.terms = policy_loss.terms(tokens, config);
  out.policy_loss =
      policy_loss.uses_mismatch_weights ? out.terms.loss : out.terms.loss * out.mismatch_weights;
  at::Tensor loss_S = out.policy_loss;
  if (config.kl_coef > 0.0 && !config.kl_in_reward) {
    const KlTerms kl =
        kl_terms(tokens.logprobs, tokens.old_logprobs, in.reference_logprobs,
                 kl_estimators().at(config.kl_estimator), config.kl_gradient, kl_bounds(config));
    out.kl = kl.value;
    out.kl_loss = kl.loss.detach();
    loss_S = loss_S + kl.loss * config.kl_coef;
  }
  if (config.entropy_coef > 0.0) loss_S = loss_S - in.entropies * config.entropy_coef;
  out.loss = (loss_S.masked_fill(~tokens.is_live, 0.0) * in.weights).to(at::kDouble).sum();
  if (in.right_weights.defined())
    out.loss = out.loss - (tokens.logprobs.masked_fill(~tokens.is_live, 0.0) * in.right_weights)
                              .to(at::kDouble)
                              .sum();
  return out;
}

}  // namespace gradus::rl
