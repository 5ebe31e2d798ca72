#include "rl/algorithms/kl/kl.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const KlEstimator record;
#include "rl/algorithms/kl/records.inc"
#undef GRADUS_RECORD

const Registry<KlEstimator>& kl_estimators() {
#define GRADUS_RECORD(record) &record,
  static constexpr const KlEstimator* kAll[] = {
#include "rl/algorithms/kl/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<KlEstimator> kRegistry("rl.kl_estimator", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
