#include "rl/selection/row_filter.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const RowFilter record;
#include "rl/selection/filters/records.inc"
#undef GRADUS_RECORD

const Registry<RowFilter>& row_filters() {
#define GRADUS_RECORD(record) &record,
  static constexpr const RowFilter* kAll[] = {
#include "rl/selection/filters/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<RowFilter> kRegistry("filter", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
