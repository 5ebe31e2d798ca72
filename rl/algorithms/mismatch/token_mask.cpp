#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {

extern const MismatchCorrection kTokenMask;
const MismatchCorrection kTokenMask{
    "token_mask", "each token's weight is 0 outside [min, max]",
    [](const at::Tensor& log_rho, const LossInputs&, const MismatchConfig& config) {
      return masked(token_ratio(log_rho, config), config);
    }};

}  // namespace gradus::rl
