#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
namespace {

/// L = -r A, r = exp(lp - lp_old): the policy gradient off-policy, nothing clipped.
LossTerms importance_sampling_loss(const LossInputs& in, const AlgorithmConfig& config) {
  return without_clipping(-(log_ratios(in, config).exp() * in.advantages));
}

}  // namespace

extern const PolicyLoss kImportanceSampling;
const PolicyLoss kImportanceSampling{"importance_sampling", "the ratio, not clipped", nullptr,
                                     importance_sampling_loss};

}  // namespace gradus::rl
