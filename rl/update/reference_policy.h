#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "policy/policy.h"
#include "rl/run/run.h"

namespace gradus::rl {

/// The frozen policy of the KL term.
///
/// Before step n it is the base model, or, with rl.reference_update_every = k, the policy as it was
/// after the last multiple of k before n. That one is kept in RUN/reference/step-.../, written
/// before the first step that needs it, so that a resumed run compares with the same weights.
class ReferencePolicy {
 public:
  /// Null when there is no KL term, and when it is the base model below adapters, which
  /// update_policy reads in place.
  const policy::Policy* at(TrainingRun& run, int64_t step);

 private:
  void load_base(TrainingRun& run);
  void load_saved(TrainingRun& run, int64_t step);

  std::unique_ptr<policy::Policy> policy_;
  int64_t step_ = -1;  ///< of the weights that policy_ holds
};

}  // namespace gradus::rl
