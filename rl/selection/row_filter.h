#pragma once

#include <string_view>

#include "base/settings/registry.h"
#include "rl/selection/sampled_row.h"
#include "rl/selection/selection_config.h"

namespace gradus::rl {

/// A reason for which a row is left out. It looks at one row alone, so that filters may be applied
/// in any order and again without another result; what a filter needs to know of the other rows
/// (pass rate, usual lengths) was noted in the row. A new filter is a file with its record and a
/// line in filters/records.inc.
struct RowFilter {
  std::string_view name;  ///< what was left out is counted under it
  std::string_view text;
  bool (*keeps)(const SampledRow& row, const SelectionConfig& config);
};

const Registry<RowFilter>& row_filters();

}  // namespace gradus::rl
