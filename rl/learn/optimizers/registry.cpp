#include "rl/learn/optimizers/adamw_state.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const AdamWKind record;
#include "rl/learn/optimizers/records.inc"
#undef GRADUS_RECORD

const Registry<AdamWKind>& adamw_kinds() {
#define GRADUS_RECORD(record) &record,
  static constexpr const AdamWKind* kAll[] = {
#include "rl/learn/optimizers/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<AdamWKind> kRegistry("optim.kind", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
