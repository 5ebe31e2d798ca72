#pragma once

#include <optional>
#include <string_view>

namespace gradus::rewards {

/// Which part of a completion a rule reads.
enum class TextPart {
  all,
  thinking,    // between the first <think>, or the start, and the last </think>, or the end
  answer,      // behind the last </think>; without one: all, unless a <think> was left open
  answer_tag,  // inside the last <answer>...</answer> behind the thinking
  boxed,       // inside the last \boxed{...} behind the thinking
  fence,       // inside the last ``` block behind the thinking, without the line that opens it
  last_line,   // the last line with anything on it, behind the thinking
};

/// That part, without white space at its ends (`all` is given as it is); nullopt where it is not
/// there: an unclosed tag, brace or fence has no inside. One pass over the text.
std::optional<std::string_view> part_of(std::string_view text, TextPart part);

/// "no <answer>...</answer>": why part_of gave nothing.
const char* absence_of(TextPart part);

}  // namespace gradus::rewards
