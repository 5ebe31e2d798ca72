#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {

extern const MismatchCorrection kSequenceTruncate;
const MismatchCorrection kSequenceTruncate{
    "sequence_truncate", "a completion's weight is held within [min, max]",
    [](const at::Tensor& log_rho, const LossInputs& in, const MismatchConfig& config) {
      return truncated(sequence_ratio(log_rho, in, config), config);
    },
    nullptr, true};

}  // namespace gradus::rl
