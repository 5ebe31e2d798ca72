#include "rewards/scores/text_part.h"

#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

constexpr auto kAbsent = std::string_view::npos;
constexpr std::string_view kThinkBegin = "<think>";
constexpr std::string_view kThinkEnd = "</think>";

std::string_view thinking_of(std::string_view text) {
  const size_t end = text.rfind(kThinkEnd);
  if (end != kAbsent) text = text.substr(0, end);
  const size_t begin = text.find(kThinkBegin);
  return begin == kAbsent ? text : text.substr(begin + kThinkBegin.size());
}

std::optional<std::string_view> answer_of(std::string_view text) {
  const size_t end = text.rfind(kThinkEnd);
  if (end != kAbsent) return text.substr(end + kThinkEnd.size());
  if (text.find(kThinkBegin) != kAbsent) return std::nullopt;
  return text;
}

// The last pair, looked for from the end: an unclosed tag behind it does not hide it.
std::optional<std::string_view> inside_answer_tag(std::string_view text) {
  constexpr std::string_view kOpen = "<answer>";
  const size_t end = text.rfind("</answer>");
  if (end == kAbsent) return std::nullopt;
  const size_t begin = text.substr(0, end).rfind(kOpen);
  if (begin == kAbsent) return std::nullopt;
  return text.substr(begin + kOpen.size(), end - begin - kOpen.size());
}

std::optional<std::string_view> inside_box(std::string_view text) {
  constexpr std::string_view kBox = "\\boxed{";
  const size_t at = text.rfind(kBox);
  if (at == kAbsent) return std::nullopt;
  const size_t begin = at + kBox.size();
  int depth = 1;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;  // `\{` is a character
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return text.substr(begin, i - begin);
    }
  }
  return std::nullopt;
}

// Fences are paired from the front, as a reader of Markdown does.
std::optional<std::string_view> inside_fence(std::string_view text) {
  constexpr std::string_view kFence = "```";
  std::optional<std::string_view> inside;
  for (size_t open = text.find(kFence); open != kAbsent;) {
    const size_t line_end = text.find('\n', open);
    if (line_end == kAbsent) break;
    const size_t close = text.find(kFence, line_end + 1);
    if (close == kAbsent) break;
    inside = text.substr(line_end + 1, close - line_end - 1);
    open = text.find(kFence, close + kFence.size());
  }
  return inside;
}

std::string_view last_line_of(std::string_view text) {
  text = stripped(text);
  const size_t end = text.rfind('\n');
  return end == kAbsent ? text : text.substr(end + 1);
}

}  // namespace

std::optional<std::string_view> part_of(std::string_view text, TextPart part) {
  if (part == TextPart::all) return text;
  if (part == TextPart::thinking) return stripped(thinking_of(text));
  auto found = answer_of(text);
  if (!found) return std::nullopt;
  if (part == TextPart::answer_tag) found = inside_answer_tag(*found);
  if (part == TextPart::boxed) found = inside_box(*found);
  if (part == TextPart::fence) found = inside_fence(*found);
  if (part == TextPart::last_line) found = last_line_of(*found);
  if (!found) return std::nullopt;
  return stripped(*found);
}

const char* absence_of(TextPart part) {
  switch (part) {
    case TextPart::answer_tag:
      return "no <answer>...</answer> behind the thinking";
    case TextPart::boxed:
      return "no closed \\boxed{} behind the thinking";
    case TextPart::fence:
      return "no closed ``` block behind the thinking";
    default:
      return "no answer: the thinking does not end";
  }
}

}  // namespace gradus::rewards
