#include "rollout/engine/completion_text.h"

#include <algorithm>

namespace gradus::rollout {
namespace {

/// Where the first stop string begins that ends at or after `added_at`; npos when there is none.
size_t find_stop(std::string_view text, size_t added_at, const std::vector<std::string>& stops) {
  size_t first = std::string_view::npos;
  for (const std::string& stop : stops) {
    const size_t from = added_at - std::min(added_at, stop.size() - 1);
    first = std::min(first, text.find(stop, from));
  }
  return first;
}

/// Bytes at the end of `text` that may be the beginning of a stop string.
size_t possible_stop_tail(std::string_view text, const std::vector<std::string>& stops) {
  size_t tail = 0;
  for (const std::string& stop : stops) {
    for (size_t n = std::min(stop.size() - 1, text.size()); n > tail; --n) {
      if (!text.ends_with(std::string_view(stop).substr(0, n))) continue;
      tail = n;
      break;
    }
  }
  return tail;
}

}  // namespace

CompletionText::CompletionText(const policy::Tokenizer& tokenizer,
                               const std::vector<std::string>& stops)
    : decoder_(tokenizer), stops_(&stops) {}

bool CompletionText::push(int32_t id) {
  const size_t added_at = text_.size();
  text_ += decoder_.push(id);
  if (text_.size() == added_at) return false;
  const size_t cut = find_stop(text_, added_at, *stops_);
  if (cut == std::string::npos) return false;
  text_.resize(cut);
  return true;
}

std::string_view CompletionText::take_settled(bool is_over) {
  const size_t held = is_over ? 0 : possible_stop_tail(text_, *stops_);
  const size_t settled = std::max(taken_, text_.size() - held);
  const auto taken = std::string_view(text_).substr(taken_, settled - taken_);
  taken_ = settled;
  return taken;
}

}  // namespace gradus::rollout
