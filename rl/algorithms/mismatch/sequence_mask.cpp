#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {

extern const MismatchCorrection kSequenceMask;
const MismatchCorrection kSequenceMask{
    "sequence_mask", "a completion's weight is 0 outside [min, max]",
    [](const at::Tensor& log_rho, const LossInputs& in, const MismatchConfig& config) {
      return masked(sequence_ratio(log_rho, in, config), config);
    },
    nullptr, true};

}  // namespace gradus::rl
