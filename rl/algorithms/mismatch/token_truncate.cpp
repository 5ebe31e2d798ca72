#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {

extern const MismatchCorrection kTokenTruncate;
const MismatchCorrection kTokenTruncate{
    "token_truncate", "each token's weight is held within [min, max]",
    [](const at::Tensor& log_rho, const LossInputs&, const MismatchConfig& config) {
      return truncated(token_ratio(log_rho, config), config);
    }};

}  // namespace gradus::rl
