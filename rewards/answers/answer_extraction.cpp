#include "rewards/answers/answer_extraction.h"

#include <array>
#include <vector>

#include "base/ascii.h"
#include "rewards/answers/dressing.h"
#include "rewards/math/finding/extract.h"

namespace gradus::rewards {
namespace {

constexpr auto npos = std::string_view::npos;

std::optional<std::string_view> in_answer_tag(std::string_view text) {
  constexpr std::string_view kOpen = "<answer>";
  constexpr std::string_view kClose = "</answer>";
  const size_t open = text.rfind(kOpen);
  if (open == npos) return std::nullopt;
  // A tag opened last and not closed was cut at the stop string or at the length limit.
  const size_t begin = open + kOpen.size();
  const size_t close = text.find(kClose, begin);
  return trimmed(text.substr(begin, close == npos ? npos : close - begin));
}

/// One pass from the end: closing braces wait on a stack for their opening ones, so that a
/// thousand unclosed boxes cost no more than one.
class BoxScanner {
 public:
  explicit BoxScanner(std::string_view text) : text_(text) {}

  std::optional<std::string_view> last_box() {
    for (size_t i = text_.size(); i-- > 0;) {
      if (text_[i] == '}' && !is_escaped(i)) closing_.push_back(i);
      if (text_[i] == '{' && !is_escaped(i)) {
        const size_t close = closing_.empty() ? npos : closing_.back();
        if (!closing_.empty()) closing_.pop_back();
        if (close != npos && is_box_before(i)) return trimmed(text_.substr(i + 1, close - i - 1));
      }
      if (text_[i] == '\\') {
        if (const auto bare = bare_box_at(i)) return bare;
      }
    }
    return std::nullopt;
  }

 private:
  bool is_escaped(size_t at) const {
    size_t count = 0;
    while (count < at && count < 64 && text_[at - 1 - count] == '\\') ++count;
    return count % 2 == 1;
  }

  static size_t box_length(std::string_view rest) {
    if (rest.starts_with("\\boxed")) return 6;
    return rest.starts_with("\\fbox") ? 5 : 0;
  }

  bool is_box_before(size_t brace) const {
    size_t end = brace;
    for (int spaces = 0; spaces < 8 && end > 0 && text_[end - 1] == ' '; ++spaces) --end;
    const std::string_view before = text_.substr(0, end);
    return before.ends_with("\\boxed") || before.ends_with("\\fbox");
  }

  // `\boxed 7`, `\boxed7`: one word without braces, beginning as a value does.
  std::optional<std::string_view> bare_box_at(size_t at) const {
    const size_t length = box_length(text_.substr(at, 6));
    if (length == 0) return std::nullopt;
    std::string_view rest = text_.substr(at + length);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    // Looked at before the word is measured: many marks without a value must stay cheap.
    const bool is_negative = rest.starts_with('-');
    const std::string_view digits = is_negative ? rest.substr(1) : rest;
    if (digits.empty() || !is_digit(digits[0])) return std::nullopt;
    return rest.substr(0, rest.find_first_of(" $\n\t,;"));
  }

  std::string_view text_;
  std::vector<size_t> closing_;
};

std::optional<std::string_view> after_hash(std::string_view text) {
  const size_t mark = text.rfind("####");
  if (mark == npos) return std::nullopt;
  const std::string_view rest = text.substr(mark + 4);
  const std::string_view line = trimmed(rest.substr(0, rest.find('\n')));
  if (line.empty()) return std::nullopt;
  return line;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  for (size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

size_t end_of_sentence(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') return i;
    const bool is_last = i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n';
    if (text[i] == '.' && is_last) return i;
  }
  return text.size();
}

std::optional<std::string_view> after_phrase(std::string_view text) {
  constexpr std::string_view kWord = "answer";
  if (text.size() < kWord.size()) return std::nullopt;
  for (size_t i = text.size() - kWord.size() + 1; i-- > 0;) {
    if ((text[i] != 'a' && text[i] != 'A') || !equals_ignoring_case(text.substr(i, 6), kWord)) {
      continue;
    }
    std::string_view rest = text.substr(i + kWord.size());
    while (rest.starts_with(' ') || rest.starts_with('*')) rest.remove_prefix(1);
    if (!rest.starts_with(':') && !rest.starts_with("is ") && !rest.starts_with("is:")) continue;
    rest.remove_prefix(rest.starts_with(':') ? 1 : 2);
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '*' || rest[0] == ':')) {
      rest.remove_prefix(1);
    }
    std::string_view answer = trimmed(rest.substr(0, end_of_sentence(rest)));
    while (answer.ends_with('*')) answer.remove_suffix(1);
    if (!answer.empty()) return answer;
  }
  return std::nullopt;
}

/// The last number: found from the end, then widened to what belongs to it.
class LastNumber {
 public:
  explicit LastNumber(std::string_view text) : text_(text) {}

  std::optional<std::string_view> find() {
    for (size_t end = text_.size(); end > 0;) {
      while (end > 0 && !is_digit(text_[end - 1])) --end;
      if (end == 0) break;
      size_t begin = end;
      while (begin > 0 && is_digit(text_[begin - 1])) --begin;
      if (text_.substr(0, begin).ends_with("frac")) return widened_formula(begin, end);
      const bool is_in_a_name = begin > 0 && (is_name_letter(begin - 1) || text_[begin - 1] == '_');
      if (!is_in_a_name) return widened(begin, end);
      end = begin;
    }
    return std::nullopt;
  }

 private:
  bool is_digit_at(size_t i) const { return i < text_.size() && is_digit(text_[i]); }

  bool is_group_at(size_t i) const {
    return is_digit_at(i) && is_digit_at(i + 1) && is_digit_at(i + 2) && !is_digit_at(i + 3);
  }

  // Letters before a number make it a name (x2, AZYUK2), but not the exponent mark of 1e5 and not
  // the x of 3x4.
  bool is_name_letter(size_t i) const {
    if (!is_letter(text_[i])) return false;
    const bool is_mark = text_[i] == 'e' || text_[i] == 'E' || text_[i] == 'x' || text_[i] == 'X';
    return !(is_mark && i > 0 && is_digit(text_[i - 1]));
  }

  std::string_view widened(size_t begin, size_t end) const {
    begin = begin_of_decimal(begin);
    // A power, a subscript or a LaTeX fraction: its last number alone would be another value.
    if (begin > 0 && (text_[begin - 1] == '^' || text_[begin - 1] == '{')) {
      return widened_formula(begin, end);
    }
    const size_t before_slash = begin_of_numerator(begin);
    if (before_slash != begin) begin = before_slash;
    begin = begin_of_whole(begin, before_slash != begin || has_slash(begin, end));
    begin = begin_of_sign(begin);
    if (end < text_.size() && text_[end] == '%') ++end;
    if (text_.substr(end).starts_with("\\%")) end += 2;
    return text_.substr(begin, end - begin);
  }

  bool has_slash(size_t begin, size_t end) const {
    return text_.substr(begin, end - begin).find('/') != npos;
  }

  // Back over `1,234.5`, `.5`, `1e-5`.
  size_t begin_of_decimal(size_t begin) const {
    while (begin > 0) {
      const char c = text_[begin - 1];
      const bool is_joint = (c == '.' || c == ',' || (c == '\'' && is_group_at(begin))) &&
                            begin > 1 && is_digit(text_[begin - 2]);
      const bool is_exponent = (c == 'e' || c == 'E') && begin > 1 && is_digit(text_[begin - 2]);
      const bool is_signed_exponent = (c == '-' || c == '+') && begin > 2 &&
                                      (text_[begin - 2] == 'e' || text_[begin - 2] == 'E') &&
                                      is_digit(text_[begin - 3]);
      if (is_digit(c)) {
        --begin;
      } else if (is_joint || is_exponent) {
        begin -= 2;
      } else if (is_signed_exponent) {
        begin -= 3;
      } else {
        const bool is_bare_point = c == '.' && (begin == 1 || !is_letter(text_[begin - 2]));
        return is_bare_point ? begin - 1 : begin;
      }
    }
    return begin;
  }

  // `3/4`, but only the last number of `1/2/2020`.
  size_t begin_of_numerator(size_t begin) const {
    if (begin < 2 || text_[begin - 1] != '/' || !is_digit(text_[begin - 2])) return begin;
    const size_t numerator = begin_of_decimal(begin - 2);
    const bool is_chain = numerator > 0 && text_[numerator - 1] == '/';
    return is_chain ? begin : numerator;
  }

  // The whole part of `2 1/4`.
  size_t begin_of_whole(size_t begin, bool is_fraction) const {
    if (!is_fraction || begin < 2 || text_[begin - 1] != ' ' || !is_digit(text_[begin - 2])) {
      return begin;
    }
    size_t whole = begin - 1;
    while (whole > 0 && is_digit(text_[whole - 1])) --whole;
    const bool is_alone = whole == 0 || text_[whole - 1] == ' ' || text_[whole - 1] == '-' ||
                          text_[whole - 1] == '+' || text_[whole - 1] == '$' ||
                          text_[whole - 1] == '\n';
    return is_alone ? whole : begin;
  }

  // A minus belongs to the number unless something to subtract from stands before it.
  size_t begin_of_sign(size_t begin) const {
    size_t at = begin;
    if (at > 0 && text_[at - 1] == '$') --at;
    if (at > 0 && text_[at - 1] == '\\') --at;
    const std::string_view before = text_.substr(0, at);
    size_t length = 0;
    if (before.ends_with('-')) length = 1;
    if (before.ends_with("\xE2\x88\x92")) length = 3;
    if (length == 0) return begin;
    const std::string_view left = trimmed(before.substr(0, before.size() - length));
    const bool is_minus = !left.empty() && (is_digit(left.back()) || is_letter(left.back()) ||
                                            left.back() == ')' || left.back() == '}');
    const bool is_apart = before.size() > length && before[before.size() - length - 1] == ' ';
    // "is -5" is a sign, "7 - 5" and "7-5" are not; "7 -5" reads as a list.
    if (is_minus && !(is_apart && !is_subtraction(left))) return begin;
    return at - length;
  }

  static bool is_subtraction(std::string_view left) {
    return is_digit(left.back()) || left.back() == ')' || left.back() == '}';
  }

  // From the last white space or `=` before to the next one after: a formula that is read
  // or refused as a whole.
  std::string_view widened_formula(size_t begin, size_t end) const {
    constexpr std::string_view kEnds = " \n\t=$";
    while (begin > 0 && kEnds.find(text_[begin - 1]) == npos) --begin;
    while (end < text_.size() && kEnds.find(text_[end]) == npos) ++end;
    if (text_.substr(begin).starts_with("10^")) begin = begin_of_factor(begin);
    return text_.substr(begin, end - begin);
  }

  // The `2.5 x` before a power of ten.
  size_t begin_of_factor(size_t begin) const {
    std::string_view left = trimmed(text_.substr(0, begin));
    for (const std::string_view sign : {"x", "*", "\\times", "\\cdot", "\xC3\x97", "\xC2\xB7"}) {
      if (!left.ends_with(sign)) continue;
      left = trimmed(left.substr(0, left.size() - sign.size()));
      if (left.empty() || !is_digit(left.back())) return begin;
      const auto factor_end = static_cast<size_t>(left.data() + left.size() - text_.data());
      return begin_of_sign(begin_of_decimal(factor_end - 1));
    }
    return begin;
  }

  std::string_view text_;
};

std::optional<ExtractedAnswer> best_candidate(std::string_view text) {
  math::ExtractOptions options;
  options.boxed_match_priority = 0;
  auto candidates = math::extract_candidates(text, options);
  if (candidates.empty()) return std::nullopt;
  return ExtractedAnswer{std::move(candidates[0].text), math::origin_name(candidates[0].origin)};
}

}  // namespace

std::optional<ExtractedAnswer> extract_answer(std::string_view completion, AnswerPlace place) {
  const auto placed = [](std::optional<std::string_view> text,
                         const char* name) -> std::optional<ExtractedAnswer> {
    if (!text || text->empty()) return std::nullopt;
    return ExtractedAnswer{std::string(*text), name};
  };
  switch (place) {
    case AnswerPlace::automatic:
      return best_candidate(completion);
    case AnswerPlace::answer_tag:
      return placed(in_answer_tag(completion), "answer_tag");
    case AnswerPlace::boxed:
      return placed(BoxScanner(completion).last_box(), "boxed");
    case AnswerPlace::hash:
      return placed(after_hash(completion), "hash");
    case AnswerPlace::phrase:
      return placed(after_phrase(completion), "phrase");
    case AnswerPlace::last_number:
      return placed(LastNumber(completion).find(), "last_number");
    case AnswerPlace::whole:
      return placed(trimmed(completion), "whole");
  }
  return std::nullopt;
}

std::optional<std::string_view> text_after_thinking(std::string_view completion) {
  constexpr std::string_view kClose = "</think>";
  const size_t close = completion.rfind(kClose);
  if (close == npos) return std::nullopt;
  return completion.substr(close + kClose.size());
}

std::string_view gold_of(std::string_view answer) {
  const size_t mark = answer.rfind("####");
  return trimmed(mark == npos ? answer : answer.substr(mark + 4));
}

}  // namespace gradus::rewards
