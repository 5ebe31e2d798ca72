#include "rewards/answers/dressing.h"

#include "base/ascii.h"

namespace gradus::rewards {
namespace {

bool strip_pair(std::string_view& text, std::string_view open, std::string_view close) {
  if (text.size() < open.size() + close.size() + 1) return false;
  if (!text.starts_with(open) || !text.ends_with(close)) return false;
  const auto inside = text.substr(open.size(), text.size() - open.size() - close.size());
  // "$5 and $6" is not dressed in dollars.
  if (inside.find(open) != std::string_view::npos) return false;
  text = trimmed(inside);
  return true;
}

bool strip_final_mark(std::string_view& text) {
  constexpr std::string_view kMarks = ".,;:";
  if (text.size() < 2 || kMarks.find(text.back()) == std::string_view::npos) return false;
  text = trimmed(text.substr(0, text.size() - 1));
  return true;
}

// "x =", "v_0 =", "= "; one name only, so that "x + y = 5" keeps its left side.
bool strip_name_before_equals(std::string_view& text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals + 1 >= text.size()) return false;
  if (text.find('=', equals + 1) != std::string_view::npos) return false;
  const std::string_view name = trimmed(text.substr(0, equals));
  if (name.size() > 12 || (!name.empty() && !is_letter(name.front()))) return false;
  for (const char c : name) {
    if (!is_letter(c) && !is_digit(c) && c != '_') return false;
  }
  text = trimmed(text.substr(equals + 1));
  return true;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string_view undressed(std::string_view text) {
  constexpr int kMaxLayers = 12;
  text = trimmed(text);
  for (int layer = 0; layer < kMaxLayers; ++layer) {
    const bool is_stripped = strip_pair(text, "$$", "$$") || strip_pair(text, "$", "$") ||
                             strip_pair(text, "\\(", "\\)") || strip_pair(text, "\\[", "\\]") ||
                             strip_pair(text, "**", "**") || strip_pair(text, "__", "__") ||
                             strip_pair(text, "`", "`") || strip_pair(text, "\"", "\"") ||
                             strip_pair(text, "'", "'") || strip_final_mark(text) ||
                             strip_name_before_equals(text);
    if (!is_stripped) break;
  }
  return text;
}

}  // namespace gradus::rewards
