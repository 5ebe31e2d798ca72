#include "rewards/math/answer_text.h"

#include <algorithm>

#include "base/ascii.h"
#include "rewards/math/finding/number_words.h"
#include "rewards/math/finding/words.h"
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

namespace {

/// "2A_{16}", "FF_16": digits and letters in a base above ten; the size of the digits, or 0.
size_t based_digits(std::string_view text) {
  const size_t mark = text.find('_');
  if (mark == std::string_view::npos || mark < 2 || mark > 64) return 0;
  const std::string_view digits = text.substr(0, mark);
  const bool has_letter = digits.find_first_of("ABCDEF") != std::string_view::npos;
  const bool has_digit = digits.find_first_of("0123456789") != std::string_view::npos;
  if (digits.find_first_not_of("0123456789ABCDEF") != std::string_view::npos) return 0;
  std::string_view base = text.substr(mark + 1);
  if (base.starts_with('{') && base.ends_with('}')) base = base.substr(1, base.size() - 2);
  const bool is_base = base == "16" || base == "12" || base == "11" || base == "13" ||
                       base == "14" || base == "15" || base == "\\text{hex}";
  return has_letter && has_digit && is_base ? mark : 0;
}

/// The number behind "exactly", "about" or "minus", as words or in \\text; empty for others.
std::string_view behind_adverb(std::string_view text) {
  if (text.starts_with("\\text{") && text.ends_with('}')) text = text.substr(6, text.size() - 7);
  if (text.size() > 60 || text.empty() || !is_letter(text[0])) return {};
  for (const std::string_view adverb :
       {"exactly ", "about ", "approximately ", "around ", "roughly ", "minus ", "negative ",
        "Exactly ", "About ", "Approximately ", "Minus ", "Negative "}) {
    if (!text.starts_with(adverb)) continue;
    const std::string_view value = text.substr(adverb.size());
    return !value.empty() && is_digit(value[0]) ? value : std::string_view();
  }
  return {};
}

/// "all integers", "no solution": the set that words name; empty: none.
std::string_view named_set(std::string_view text) {
  if (text.size() < 4 || text.size() > 40) return {};
  if (text.starts_with("\\text{") && text.ends_with('}')) text = text.substr(6, text.size() - 7);
  const std::string words = lower_case(bare(text));
  for (const std::string_view nothing :
       {"no solution", "no solutions", "no real solution", "no real solutions", "no real roots",
        "empty set", "the empty set", "there is no solution", "there are no solutions"}) {
    if (words == nothing) return "\\emptyset";
  }
  const auto constant = constant_name(words);
  if (!constant || !constant->starts_with("set ") || constant->size() != 5) return {};
  switch (constant->back()) {
    case 'Z':
      return "\\mathbb{Z}";
    case 'Q':
      return "\\mathbb{Q}";
    case 'N':
      return "\\mathbb{N}";
    case 'C':
      return "\\mathbb{C}";
    default:
      return "\\mathbb{R}";
  }
}

}  // namespace

std::string readable(std::string_view text) {
  const std::string_view plain = bare(text);
  std::string digits;
  for (size_t i = 0; i < plain.size() && plain.size() < 80; ++i) {  // 2\text{E}_{16}
    const bool is_dressing = plain.substr(i).starts_with("\\text{");
    if (is_dressing) i += 5;
    const bool is_brace = plain[i] == '}' && digits.find('_') == std::string::npos;
    if (!is_dressing && !is_brace) digits += plain[i];
  }
  if (const size_t size = based_digits(digits)) {
    return "\\text{" + digits.substr(0, size) + "}" + digits.substr(size);
  }
  if (const std::string_view value = behind_adverb(plain); !value.empty()) {
    const bool is_negative = plain.find("inus ") != std::string_view::npos ||
                             plain.find("egative ") != std::string_view::npos;
    return (is_negative ? "-" : "") + std::string(value);
  }
  if (const std::string_view named = named_set(plain); !named.empty()) return std::string(named);
  const bool may_name_number =
      !plain.empty() && plain.size() < 100 &&
      (is_letter(plain[0]) || static_cast<unsigned char>(plain[0]) >= 0xE0) &&
      plain.find_first_of("\\$0123456789=+^(") == std::string_view::npos;
  if (may_name_number && plain.size() > 2) {
    if (auto number = number_in_words(plain)) return *number;
  }
  return without_words(text);
}

std::string_view behind_choice_word(std::string_view text) {
  text = bare(text);
  for (const std::string_view word : {"Option ", "option ", "Choice ", "choice "}) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    if (text.size() == 3 && text[0] == '(' && text[2] == ')') text = text.substr(1, 1);
    return text.size() == 1 && text[0] >= 'A' && text[0] <= 'J' ? text : std::string_view();
  }
  return {};
}

bool may_hold_answer(std::string_view text) {
  for (const std::string_view mark : {"$", "\\(", "\\[", "\n", "<answer>", "boxed"}) {
    if (text.find(mark) != std::string_view::npos) return true;
  }
  if (text.find('\\') == std::string_view::npos) return true;
  size_t num_words = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    const bool begins =
        is_letter(text[i]) && text[i - 1] == ' ' && i + 1 < text.size() && is_letter(text[i + 1]);
    num_words += begins ? 1 : 0;
  }
  return num_words > 1;
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
