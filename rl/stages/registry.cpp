#include "rl/stages/stage.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const StageKind record;
#include "rl/stages/records.inc"
#undef GRADUS_RECORD

const Registry<StageKind>& stages() {
#define GRADUS_RECORD(record) &record,
  static constexpr const StageKind* kAll[] = {
#include "rl/stages/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<StageKind> kRegistry("run.task", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
