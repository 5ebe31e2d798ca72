#include "rl/algorithms/cases/case.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const CaseFamily record;
#include "rl/algorithms/cases/records.inc"
#undef GRADUS_RECORD

const Registry<CaseFamily>& case_families() {
#define GRADUS_RECORD(record) &record,
  static constexpr const CaseFamily* kAll[] = {
#include "rl/algorithms/cases/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<CaseFamily> kRegistry("family", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
