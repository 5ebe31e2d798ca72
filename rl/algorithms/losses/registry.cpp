#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const PolicyLoss record;
#include "rl/algorithms/losses/records.inc"
#undef GRADUS_RECORD

const Registry<PolicyLoss>& policy_losses() {
#define GRADUS_RECORD(record) &record,
  static constexpr const PolicyLoss* kAll[] = {
#include "rl/algorithms/losses/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<PolicyLoss> kRegistry("rl.loss", kAll);
  return kRegistry;
}

RecordSettings default_loss_settings() {
  return RecordSettings::defaults(policy_losses());
}

}  // namespace gradus::rl
