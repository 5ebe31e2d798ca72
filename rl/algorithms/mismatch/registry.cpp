#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const MismatchCorrection record;
#include "rl/algorithms/mismatch/records.inc"
#undef GRADUS_RECORD

const Registry<MismatchCorrection>& mismatch_corrections() {
#define GRADUS_RECORD(record) &record,
  static constexpr const MismatchCorrection* kAll[] = {
#include "rl/algorithms/mismatch/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<MismatchCorrection> kRegistry("rl.mismatch.mode", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
