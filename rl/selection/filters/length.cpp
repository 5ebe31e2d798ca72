#include "rl/selection/row_filter.h"

namespace gradus::rl {
namespace {

bool has_usual_length(const SampledRow& row, const SelectionConfig&) {
  if (!row.length_range || row.num_tokens < 0) return true;
  return row.num_tokens >= row.length_range->first && row.num_tokens <= row.length_range->second;
}

}  // namespace

extern const RowFilter kLengthFilter;
const RowFilter kLengthFilter{
    "length", "it is shorter or longer than its source's samples are (length_low, length_high)",
    has_usual_length};

}  // namespace gradus::rl
