#include "rewards/math/finding/prose_mathematics.h"

#include <algorithm>

#include "base/ascii.h"
#include "rewards/math/finding/stance.h"
#include "rewards/math/names.h"
#include "rewards/math/units.h"

namespace gradus::rewards::math {
namespace {

std::string negated(const std::string& value) {
  const bool is_number = value.find_first_not_of("0123456789.,") == std::string::npos;
  return is_number ? "-" + value : "-(" + value + ")";
}

/// Behind the last equals sign of plain arithmetic.
std::string_view last_side(std::string_view text) {
  if (text.find('\\') != std::string_view::npos) return text;
  const size_t at = text.rfind('=');
  if (at == std::string_view::npos) return text;
  const std::string_view side = text.substr(at + 1);
  const bool is_plain =
      text.find_first_of("abcdefghijklmnopqrstuvwxyz<>") == std::string_view::npos;
  return is_plain && side.find_first_of("0123456789") != std::string_view::npos ? side : text;
}

}  // namespace

std::vector<Span> mathematics_in(std::string_view text, const Targets& targets) {
  std::vector<Span> found;
  if (targets.latex) found = find_math_spans(text);
  if (!targets.expr) return found;
  const auto num_spans = static_cast<std::ptrdiff_t>(found.size());
  for (const Span& number : find_arithmetic(text)) {
    const auto spans_end = found.begin() + num_spans;
    const auto after =
        std::lower_bound(found.begin(), spans_end, number.begin,
                         [](const Span& span, size_t begin) { return span.end <= begin; });
    if (after == spans_end || number.end <= after->begin) found.push_back(number);
  }
  std::sort(found.begin(), found.end(), [](const Span& a, const Span& b) { return a.end < b.end; });
  return found;
}

std::string value_with_words(std::string_view whole, std::string_view part, const Span& span) {
  const auto offset = static_cast<size_t>(part.data() - whole.data());
  std::string result(last_side(span.inside));
  if (is_called_negative(whole, offset + span.begin)) result = negated(result);
  const std::string_view word = word_behind(part, span.end);
  if (word == "squared") return "(" + result + ")^2";
  if (word == "cubed") return "(" + result + ")^3";
  if (word == "factorial") return "(" + result + ")!";
  if (word == "%" || word == "\\%" || is_percent_word(word)) {
    result += " \\%";
  } else if (multiplier_of(word) != 0) {
    result += " " + std::string(word);
  } else if ((is_unit(word) && word.size() > 1) || word == "N" || word == "J" || word == "W" ||
             word == "V") {
    result += " \\text{" + std::string(word) + "}";
  }
  return result;
}

std::optional<std::string> odds_in(std::string_view text) {
  constexpr size_t kWindow = 200;
  const std::string lower = lower_case(text.substr(text.size() - std::min(text.size(), kWindow)));
  std::string_view end = lower;
  while (!end.empty() && !is_digit(end.back())) end.remove_suffix(1);
  if (lower.size() - end.size() > 3) return std::nullopt;  // ".", "**"
  size_t bottom = end.size();
  while (bottom > 0 && is_digit(end[bottom - 1])) --bottom;
  std::string_view before = end.substr(0, bottom);
  size_t joint = 0;
  for (const std::string_view word : {" out of ", " in "}) {
    if (joint == 0 && before.ends_with(word)) joint = word.size();
  }
  if (joint == 0) return std::nullopt;
  before.remove_suffix(joint);
  size_t top = before.size();
  while (top > 0 && is_digit(before[top - 1])) --top;
  if (top == before.size()) return std::nullopt;
  for (const std::string_view word : {"probability", "chance", "odds", "likelihood"}) {
    if (before.find(word) == std::string_view::npos) continue;
    return std::string(before.substr(top)) + "/" + std::string(end.substr(bottom));
  }
  return std::nullopt;
}

bool is_altered(std::string_view text, const Span& span) {
  const std::string_view word = word_behind(text, span.end);
  return word == "squared" || word == "cubed" || word == "factorial" ||
         is_called_negative(text, span.begin);
}

std::string last_number_in(std::string_view run) {
  size_t end = run.size();
  while (end > 0 && run[end - 1] == ' ') --end;
  size_t begin = end;
  while (begin > 0 && ((run[begin - 1] >= '0' && run[begin - 1] <= '9') || run[begin - 1] == '.' ||
                       run[begin - 1] == '/' || run[begin - 1] == '%')) {
    --begin;
  }
  if (begin == 0 || begin == end) return "";
  const bool is_fraction = run.substr(begin, end - begin).find('/') != std::string_view::npos;
  if (is_fraction && run[begin - 1] == ' ') return "";  // of a mixed number that is none
  if (run[begin - 1] == '-' && (begin < 2 || run[begin - 2] == ' ')) --begin;
  return std::string(run.substr(begin, end - begin));
}

std::string parted_by_dollars(std::string_view box) {
  std::string inside(box);
  const size_t dollars = static_cast<size_t>(std::count(inside.begin(), inside.end(), '$'));
  if (dollars < 2) return inside;
  std::string parted;
  for (const char c : inside) parted += c == '$' ? ' ' : c;
  size_t at = 0;
  for (const std::string_view word : {" and ", " or "}) {
    while ((at = parted.find(word)) != std::string::npos) parted.replace(at, word.size(), " , ");
  }
  return parted;
}

}  // namespace gradus::rewards::math
