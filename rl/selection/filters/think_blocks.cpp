#include <string_view>

#include "rewards/scores/words.h"
#include "rl/selection/row_filter.h"

namespace gradus::rl {
namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";

int count(std::string_view text, std::string_view what) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size()))
    ++count;
  return count;
}

/// Chat templates may open the block: a response then holds its end alone.
bool is_one_block(const SampledRow& row) {
  const std::string_view text = rewards::stripped(row.response);
  const bool is_open = rewards::stripped(row.prompt).ends_with(kOpen);
  const int opens = count(text, kOpen);
  if (count(text, kClose) != 1 || opens != (is_open ? 0 : 1)) return false;
  return is_open || text.starts_with(kOpen);
}

bool has_its_blocks(const SampledRow& row, const SelectionConfig& config) {
  if (config.think_blocks == ThinkBlocks::any) return true;
  const bool is_open = rewards::stripped(row.prompt).ends_with(kOpen);
  const bool has_none = count(row.response, kOpen) == 0 && count(row.response, kClose) == 0;
  if (config.think_blocks == ThinkBlocks::balanced && has_none && !is_open) return true;
  return is_one_block(row);
}

}  // namespace

extern const RowFilter kThinkBlocksFilter;
const RowFilter kThinkBlocksFilter{"think_blocks", "its <think> block is not as think_blocks says",
                                   has_its_blocks};

}  // namespace gradus::rl
