#include "rewards/scores/text_part.h"
#include "rl/selection/row_filter.h"

namespace gradus::rl {
namespace {

bool has_plain_thought(const SampledRow& row, const SelectionConfig& config) {
  if (config.code_in_thought || row.response.find("</think>") == std::string::npos) return true;
  const auto thought = rewards::part_of(row.response, rewards::TextPart::thinking);
  return !thought || thought->find("```") == std::string_view::npos;
}

}  // namespace

extern const RowFilter kCodeInThoughtFilter;
const RowFilter kCodeInThoughtFilter{"code_in_thought",
                                     "its thinking has a code block (code_in_thought = false)",
                                     has_plain_thought};

}  // namespace gradus::rl
