#include <ATen/TensorOperators.h>

#include "rl/algorithms/kl/kl.h"

namespace gradus::rl {
namespace {

/// e^d - d - 1 (Schulman, "Approximating KL divergence").
at::Tensor k3_estimate(const at::Tensor& d_S) {
  // expm1 keeps k3 from turning negative by rounding where d is near 0.
  return d_S.expm1() - d_S;
}

}  // namespace

extern const KlEstimator kK3;
const KlEstimator kK3{"k3", "never negative", k3_estimate};

}  // namespace gradus::rl
