#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>

#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {

extern const MismatchCorrection kOutlierMask;
const MismatchCorrection kOutlierMask{
    "outlier_mask", "completions with one token's rho outside [min, max] go, others weigh 1",
    [](const at::Tensor& log_rho, const LossInputs& in, const MismatchConfig& config) {
      const auto rho_S = token_ratio(log_rho, config);
      return without(at::ones_like(rho_S),
                     anywhere_in_sequence((rho_S < config.min) | (rho_S > config.max), in));
    }};

}  // namespace gradus::rl
