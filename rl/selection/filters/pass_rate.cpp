#include "rl/selection/row_filter.h"

namespace gradus::rl {
namespace {

bool is_of_use(const SampledRow& row, const SelectionConfig& config) {
  return !row.pass_rate ||
         (*row.pass_rate >= config.min_pass_rate && *row.pass_rate <= config.max_pass_rate);
}

}  // namespace

extern const RowFilter kPassRateFilter;
const RowFilter kPassRateFilter{
    "pass_rate", "its prompt is too hard or too easy (min_, max_pass_rate)", is_of_use};

}  // namespace gradus::rl
