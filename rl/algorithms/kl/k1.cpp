#include <ATen/TensorOperators.h>

#include "rl/algorithms/kl/kl.h"

namespace gradus::rl {
namespace {

/// -d (Schulman, "Approximating KL divergence").
at::Tensor k1_estimate(const at::Tensor& d_S) {
  return -d_S;
}

}  // namespace

extern const KlEstimator kK1;
const KlEstimator kK1{"k1", "unbiased, its own gradient has expectation 0", k1_estimate};

}  // namespace gradus::rl
