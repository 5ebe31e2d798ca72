#include "rl/selection/row_filter.h"

namespace gradus::rl {
namespace {

bool is_right_or_unknown(const SampledRow& row, const SelectionConfig& config) {
  if (row.scores.empty() && !row.reward) return true;  // not sampled by Gradus
  if (config.rule.empty()) return row.reward && *row.reward >= config.right_from;
  const auto score = row.scores.find(config.rule);
  return score != row.scores.end() && score->second >= config.right_from;
}

}  // namespace

extern const RowFilter kWrongFilter;
const RowFilter kWrongFilter{"wrong", "its score is below right_from, or it has none",
                             is_right_or_unknown};

}  // namespace gradus::rl
