#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const PreferenceLoss record;
#include "rl/algorithms/preference/records.inc"
#undef GRADUS_RECORD

const Registry<PreferenceLoss>& preference_losses() {
#define GRADUS_RECORD(record) &record,
  static constexpr const PreferenceLoss* kAll[] = {
#include "rl/algorithms/preference/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<PreferenceLoss> kRegistry("preference.losses", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
