#include "rewards/math/answer_text.h"

#include <algorithm>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {

std::string_view behind_unread_name(std::string_view text) {
  const size_t at = text.rfind('=');
  if (at == std::string_view::npos || at == 0) return {};
  const std::string_view name = text.substr(0, at);
  if (std::none_of(name.begin(), name.end(), is_letter)) return {};
  for (const std::string_view mark : {",", ";", "\\\\", "\\quad", " or ", " and ", "or}", "and}"}) {
    if (name.find(mark) != std::string_view::npos) return {};
  }
  for (const std::string_view relation : {"<", ">", "!", ":", "\\", "\\ge", "\\le", "\\ne"}) {
    if (bare(name).ends_with(relation)) return {};
  }
  return text.substr(at + 1);
}

bool is_struck_out(std::string_view text) {
  text = bare(text);
  constexpr std::string_view kCancel = "\\cancel{";
  return text.starts_with(kCancel) && text.find('}') + 1 == text.size();
}

bool has_decimal_comma(std::string_view text) {
  text = text.substr(0, text.find(" \\text{"));
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos || comma == 0) return false;
  const auto is_digit = [&](size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  if (text.find(',', comma + 1) != std::string_view::npos || !is_digit(comma - 1)) return false;
  size_t end = comma + 1;
  while (is_digit(end)) ++end;
  const bool has_zero = text[comma - 1] == '0' && (comma == 1 || !is_digit(comma - 2));
  return end > comma + 1 && (end - comma - 1 != 3 || has_zero) &&
         text.find_first_of("([{\\") == std::string_view::npos;
}

bool has_group(std::string_view text) {
  for (size_t at = text.find(','); at != std::string_view::npos; at = text.find(',', at + 1)) {
    const bool is_group = at > 0 && at + 3 < text.size() && is_digit(text[at - 1]) &&
                          is_digit(text[at + 1]) && is_digit(text[at + 2]) &&
                          is_digit(text[at + 3]);
    if (is_group) return true;
  }
  return false;
}

bool is_long_word(std::string_view text) {
  text = bare(text);
  return text.size() >= 4 && std::all_of(text.begin(), text.end(), is_letter) &&
         !function_name(text) && !constant_name(text) && !is_symbol_command(text);
}

std::string without_dollars(std::string_view text) {
  std::string_view inside = bare(text);
  const auto strip = [&](std::string_view open, std::string_view close) {
    if (inside.size() < open.size() + close.size() || !inside.starts_with(open) ||
        !inside.ends_with(close)) {
      return;
    }
    const std::string_view middle =
        inside.substr(open.size(), inside.size() - open.size() - close.size());
    if (middle.find(open) == std::string_view::npos || open == "{") inside = middle;
  };
  strip("$$", "$$");
  strip("$", "$");
  strip("\\[", "\\]");
  strip("\\(", "\\)");
  return std::string(bare(inside));
}

}  // namespace gradus::rewards::math
