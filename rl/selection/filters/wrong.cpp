#include "rl/selection/row_filter.h"
#include "rl/selection/selection.h"

namespace gradus::rl {
namespace {

bool is_right_or_unknown(const SampledRow& row, const SelectionConfig& config) {
  if (!is_graded(row)) return true;  // not sampled by Gradus
  return is_right(row, config);
}

}  // namespace

extern const RowFilter kWrongFilter;
const RowFilter kWrongFilter{"wrong", "its score is below right_from, or it has none",
                             is_right_or_unknown};

}  // namespace gradus::rl
