#include "rewards/rules/length_unit.h"

#include "base/error.h"
#include "base/utf8.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {

std::optional<int64_t> length_in(LengthUnit unit, const RewardInput& input) {
  if (unit != LengthUnit::tokens) return text_length(unit, input.completion);
  if (input.completion_ids.empty() && !input.completion.empty()) return std::nullopt;
  return static_cast<int64_t>(input.completion_ids.size());
}

int64_t text_length(LengthUnit unit, std::string_view text) {
  switch (unit) {
    case LengthUnit::characters:
      return num_code_points(text);
    case LengthUnit::words:
      return static_cast<int64_t>(split_words_and_characters(text).size());
    case LengthUnit::tokens:
      break;
  }
  throw ArgumentError("text_length: a text has no tokens before a tokenizer has read it");
}

Grade skipped_without_tokens() {
  return skipped(
      "the completion came as text without its tokens; count in characters or words, or give "
      "`completion_ids`");
}

}  // namespace gradus::rewards
