#include "rewards/math/finding/labels.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/ascii.h"
#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

/// Whether `label` is a to h, 1 to 9, or i to viii; "m" and "x" are names.
bool is_label(std::string_view label) {
  constexpr std::array<std::string_view, 7> kRoman{"ii", "iii", "iv", "v", "vi", "vii", "viii"};
  if (label.size() == 1 &&
      ((label[0] >= 'a' && label[0] <= 'i') || (label[0] >= '1' && label[0] <= '9'))) {
    return true;
  }
  return std::find(kRoman.begin(), kRoman.end(), label) != kRoman.end();
}

/// The label "(b)" at `at`; its size in bytes goes to `size`.
std::optional<std::string> label_at(std::string_view text, size_t at, size_t& size) {
  if (at >= text.size() || text[at] != '(') return std::nullopt;
  const size_t close = text.find(')', at);
  if (close == std::string_view::npos || close - at > 5) return std::nullopt;
  const std::string label = lower_case(text.substr(at + 1, close - at - 1));
  if (!is_label(label)) return std::nullopt;
  size = close + 1 - at;
  return label;
}

std::string_view trimmed_value(std::string_view text) {
  constexpr std::string_view kMarks = " ,;:.\n~";
  while (!text.empty()) {
    if (kMarks.find(text.front()) != std::string_view::npos) {
      text.remove_prefix(1);
    } else if (text.starts_with("\\ ") || text.starts_with("\\,") || text.starts_with("\\;")) {
      text.remove_prefix(2);
    } else if (text.starts_with("\\quad")) {
      text.remove_prefix(5);
    } else if (text.front() == '}') {
      text.remove_prefix(1);  // of \text{(a) }
    } else {
      break;
    }
  }
  while (!text.empty()) {
    if (text.ends_with("\\text{")) {
      text.remove_suffix(6);
    } else if (text.ends_with("\\quad")) {
      text.remove_suffix(5);
    } else if (kMarks.find(text.back()) != std::string_view::npos || text.back() == '\\') {
      text.remove_suffix(1);
    } else {
      break;
    }
  }
  return text;
}

}  // namespace

std::vector<LabelledPart> labelled_parts(std::string_view text) {
  std::vector<LabelledPart> parts;
  text = bare(text);
  if (text.size() > 2'000 || text.find("(") == std::string_view::npos) return {};
  if (text.starts_with("\\text{")) text.remove_prefix(6);
  while (text.starts_with(' ')) text.remove_prefix(1);
  size_t size = 0;
  if (!label_at(text, 0, size)) return {};
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto label = label_at(text, at, size);
    const char before = at == 0 ? ' ' : text[at - 1];
    const bool is_apart =
        before == ' ' || before == ',' || before == ';' || before == '{' || before == '\n';
    if (!label || !is_apart) continue;
    if (!parts.empty()) parts.back().value = trimmed_value(text.substr(begin, at - begin));
    parts.push_back({*label, ""});
    begin = at + size;
    at = begin - 1;
  }
  if (parts.size() < 2) return {};
  parts.back().value = trimmed_value(text.substr(begin));
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].value.empty()) return {};
    for (size_t k = 0; k < i; ++k) {
      if (parts[k].label == parts[i].label) return {};
    }
  }
  return parts;
}

std::string label_before(std::string_view text, size_t box_begin) {
  std::string_view before = text.substr(0, box_begin);
  before = before.substr(before.size() - std::min<size_t>(before.size(), 60));
  const size_t line = before.rfind('\n');
  if (line != std::string_view::npos) before.remove_prefix(line + 1);
  while (!before.empty() &&
         (before.front() == ' ' || before.front() == '*' || before.front() == '-')) {
    before.remove_prefix(1);
  }
  for (const std::string_view word : {"Part ", "part ", "Answer to ", "For "}) {
    if (before.starts_with(word)) before.remove_prefix(word.size());
  }
  size_t size = 0;
  const auto label = label_at(before, 0, size);
  if (!label) return "";
  const std::string_view rest = before.substr(size);
  return rest.find_first_not_of(" :*$\\([=") == std::string_view::npos ? *label : "";
}

bool are_labelled_parts(std::string_view text, const Span& one, const Span& next) {
  const std::string first = label_before(text, one.begin);
  const std::string second = label_before(text, next.begin);
  return !first.empty() && !second.empty() && first != second && next.begin - one.end < 2'000;
}

}  // namespace gradus::rewards::math
