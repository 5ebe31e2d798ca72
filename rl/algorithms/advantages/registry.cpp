#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const AdvantageEstimator record;
#include "rl/algorithms/advantages/records.inc"
#undef GRADUS_RECORD

const Registry<AdvantageEstimator>& advantage_estimators() {
#define GRADUS_RECORD(record) &record,
  static constexpr const AdvantageEstimator* kAll[] = {
#include "rl/algorithms/advantages/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<AdvantageEstimator> kRegistry("rl.advantage", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
