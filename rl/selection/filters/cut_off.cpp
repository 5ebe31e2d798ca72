#include "rl/selection/row_filter.h"

namespace gradus::rl {
namespace {

bool has_ended(const SampledRow& row, const SelectionConfig& config) {
  return !config.must_stop || row.finish.empty() || row.finish == "stop";
}

}  // namespace

extern const RowFilter kCutOffFilter;
const RowFilter kCutOffFilter{"cut_off", "it did not end by itself (must_stop)", has_ended};

}  // namespace gradus::rl
