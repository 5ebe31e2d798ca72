#include "rewards/scores/format_scores.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace gradus::rewards {
namespace {

constexpr auto npos = std::string_view::npos;
constexpr std::string_view kThink = "<think>\n";
constexpr std::string_view kMiddle = "\n</think>\n<answer>\n";
constexpr std::string_view kEnd = "\n</answer>";

// Where the answer's text may begin; npos without the tags before it. The earliest place leaves
// the most room behind it, so that no other needs to be tried.
size_t begin_of_answer(std::string_view text) {
  if (!text.starts_with(kThink)) return npos;
  const size_t middle = text.find(kMiddle, kThink.size());
  return middle == npos ? npos : middle + kMiddle.size();
}

bool has_end_of_answer(std::string_view text, size_t from, bool is_strict) {
  for (size_t at = text.find(kEnd, from); at != npos; at = text.find(kEnd, at + 1)) {
    const size_t end = at + kEnd.size();
    if (end == text.size() || (!is_strict && text[end] == '\n')) return true;
  }
  return false;
}

int count_of(std::string_view text, std::string_view mark) {
  int count = 0;
  for (size_t at = text.find(mark); at != npos; at = text.find(mark, at + mark.size())) ++count;
  return count;
}

// Python's \d+: decimal digits of any script.
size_t end_of_digits(std::string_view text, size_t at) {
  while (at < text.size()) {
    const CodePoint point = code_point_at(text, at);
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(point.value));
    if (category != UTF8PROC_CATEGORY_ND) break;
    at += point.num_bytes;
  }
  return at;
}

int count_numbered_steps(std::string_view text) {
  constexpr std::string_view kStep = "Step ";
  int count = 0;
  for (size_t at = text.find(kStep); at != npos; at = text.find(kStep, at + 1)) {
    const size_t begin = at + kStep.size();
    const size_t end = end_of_digits(text, begin);
    if (end > begin && end < text.size() && text[end] == ':') ++count;
  }
  return count;
}

}  // namespace

double r1_format_score(std::string_view text, bool is_strict) {
  // Two answers are none: a reader of the last block and one of the first would grade another text.
  if (is_strict) {
    for (const std::string_view tag : {"<think>", "</think>", "<answer>", "</answer>"}) {
      if (count_of(text, tag) != 1) return 0.0;
    }
  }
  const size_t begin = begin_of_answer(text);
  return begin != npos && has_end_of_answer(text, begin, is_strict) ? 1.0 : 0.0;
}

double think_format_score(std::string_view text) {
  constexpr std::string_view kOpen = "<think>";
  if (!text.starts_with(kOpen)) return 0.0;
  const std::string_view rest = text.substr(kOpen.size());
  return rest.find(kOpen) == npos && rest.find("</think>") != npos ? 1.0 : 0.0;
}

double tag_count_score(std::string_view text) {
  constexpr std::array<std::string_view, 4> kTags{kThink, "\n</think>\n", "\n<answer>\n", kEnd};
  double score = 0.0;
  for (const auto tag : kTags) score += count_of(text, tag) == 1 ? 0.25 : 0.0;
  return score;
}

double code_format_score(std::string_view text, std::string_view language) {
  const size_t begin = begin_of_answer(text);
  if (begin == npos) return 0.0;
  const std::string fence = "```" + std::string(language);
  const size_t open = text.find(fence, begin);
  if (open == npos) return 0.0;
  const size_t close = text.find("```", open + fence.size());
  return close != npos && has_end_of_answer(text, close + 3, false) ? 1.0 : 0.0;
}

// findall of ```LANGUAGE\n(.*?)```, the last: fences are paired from the front.
std::string_view fenced_code(std::string_view text, std::string_view language) {
  const std::string fence = "```" + std::string(language) + "\n";
  std::string_view code;
  for (size_t open = text.find(fence); open != npos;) {
    const size_t begin = open + fence.size();
    const size_t close = text.find("```", begin);
    if (close == npos) break;
    code = text.substr(begin, close - begin);
    open = text.find(fence, close + 3);
  }
  return code;
}

double reasoning_steps_score(std::string_view text) {
  constexpr std::array<std::string_view, 6> kMarks{"\n-",     "\n*",   "First,",
                                                   "Second,", "Next,", "Finally,"};
  int count = count_numbered_steps(text);
  const size_t end = end_of_digits(text, 0);
  if (end > 0 && end < text.size() && text[end] == '.') ++count;
  for (const auto mark : kMarks) count += count_of(text, mark);
  return std::min(1.0, count / 3.0);
}

}  // namespace gradus::rewards
