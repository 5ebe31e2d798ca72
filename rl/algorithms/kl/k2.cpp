#include <ATen/TensorOperators.h>

#include "rl/algorithms/kl/kl.h"

namespace gradus::rl {
namespace {

/// d^2 / 2 (Schulman, "Approximating KL divergence").
at::Tensor k2_estimate(const at::Tensor& d_S) {
  return d_S * d_S * 0.5;
}

}  // namespace

extern const KlEstimator kK2;
const KlEstimator kK2{"k2", "half the square", k2_estimate};

}  // namespace gradus::rl
