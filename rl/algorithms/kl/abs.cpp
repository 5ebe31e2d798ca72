#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>

#include "rl/algorithms/kl/kl.h"

namespace gradus::rl {
namespace {

at::Tensor abs_estimate(const at::Tensor& d_S) {
  return d_S.abs();
}

}  // namespace

extern const KlEstimator kAbs;
const KlEstimator kAbs{"abs", "the distance of the logprobs", abs_estimate};

}  // namespace gradus::rl
