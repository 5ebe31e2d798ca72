#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp_min.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// max(0, 1 - beta x) (SLiC, arXiv:2305.10425).
at::Tensor hinge_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  return (1.0 - pairs.difference() * config.beta).clamp_min(0.0);
}

}  // namespace

extern const PreferenceLoss kHinge;
const PreferenceLoss kHinge{"hinge", "nothing once the margin is 1 / beta", nullptr, hinge_terms};

}  // namespace gradus::rl
