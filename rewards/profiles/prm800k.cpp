// Profile `prm800k`: openai/prm800k, grading/grader.py, `grade_answer`.
//
//   Right when hendrycks' forms are the same strings. Else the forms of `_normalize`: lower case,
//   no units, no braces or blanks, `or` and `and` as commas, million as *10^6, LaTeX as text, mixed
//   7 3/4 as 7+3/4, integers without thousands commas. The same strings: right. Else, split at the
//   commas of a bracketed tuple with the same brackets, every pair of elements must do:
//   two fractions: the same string, so unreduced is wrong; one an integer, the other not: wrong;
//   else their difference simplifies to 0, tried only where both together have at most two
//   different letters, no `^{`, `^(`, `^dd` or `^d^`.

#include "rewards/profiles/prm800k.h"

#include <array>
#include <cmath>

#include "base/printable.h"
#include "rewards/profiles/expressions.h"
#include "rewards/profiles/hendrycks.h"
#include "rewards/profiles/latex_text.h"
#include "rewards/profiles/profile.h"

namespace gradus::rewards::profiles {
namespace {

constexpr std::array<TextView, 16> kUnits{
    U"degree", U"cm",   U"centimeter", U"meter", U"mile", U"second", U"minute", U"hour",
    U"day",    U"week", U"month",      U"year",  U"foot", U"feet",   U"inch",   U"yard"};

bool is_digit_of_ascii(char32_t c) {
  return c >= U'0' && c <= U'9';
}

// The content of `\text{...}` when that is the whole text (rllm: when it stands in front) and one
// line; the text itself otherwise.
Text without_text_command(TextView text, Dialect dialect) {
  constexpr TextView kOpening = U"\\text{";
  if (!text.starts_with(kOpening)) return Text(text);
  TextView inside = text.substr(kOpening.size());
  if (dialect == Dialect::rllm) {
    const size_t close = inside.find(U'}', 1);
    const bool is_found = close != TextView::npos && !contains(inside.substr(0, close), U"\n");
    return Text(is_found ? inside.substr(0, close) : text);
  }
  if (inside.ends_with(U"\n")) inside.remove_suffix(1);  // `$` matches before it
  if (!inside.ends_with(U"}") || inside.size() < 2) return Text(text);
  inside.remove_suffix(1);
  return contains(inside, U"\n") ? Text(text) : Text(inside);
}

// `unit(es)?(s)? *(\^[0-9]+)?` removed.
Text without_unit(TextView text, TextView unit) {
  Text result;
  size_t at = 0;
  for (size_t hit = text.find(unit); hit != TextView::npos; hit = text.find(unit, at)) {
    result.append(text.substr(at, hit - at));
    at = hit + unit.size();
    if (text.substr(at).starts_with(U"es")) at += 2;
    if (text.substr(at).starts_with(U"s")) at += 1;
    while (at < text.size() && text[at] == U' ') ++at;
    size_t digits = at + 1;
    while (digits < text.size() && is_digit_of_ascii(text[digits])) ++digits;
    if (at < text.size() && text[at] == U'^' && digits > at + 1) at = digits;
  }
  return result.append(text.substr(at));
}

// `^ *\circ` removed.
Text without_degrees(TextView text) {
  Text result;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == U'^') {
      size_t end = at + 1;
      while (end < text.size() && text[end] == U' ') ++end;
      if (text.substr(end).starts_with(U"\\circ")) {
        at = end + 4;
        continue;
      }
    }
    result += text[at];
  }
  return result;
}

// What follows `mark` loses its blanks; with keep_mark false the mark goes too.
Text without_blanks_behind(TextView text, TextView mark, bool keep_mark) {
  Text result;
  size_t at = 0;
  for (size_t hit = text.find(mark); hit != TextView::npos; hit = text.find(mark, at)) {
    result.append(text.substr(at, hit - at));
    if (keep_mark) result.append(mark);
    at = hit + mark.size();
    while (at < text.size() && text[at] == U' ') ++at;
  }
  return result.append(text.substr(at));
}

// `7 3/4` to `7+3/4`: blanks between two digits, each digit in one such pair only.
Text with_mixed_numbers(TextView text) {
  Text result;
  for (size_t at = 0; at < text.size();) {
    result += text[at];
    if (!is_digit_of_ascii(text[at++])) continue;
    size_t end = at;
    while (end < text.size() && text[end] == U' ') ++end;
    if (end == at || end >= text.size() || !is_digit_of_ascii(text[end])) continue;
    result.append(U"+").append(1, text[end]);
    at = end + 1;
  }
  return result;
}

bool is_near_integer(double value) {
  return std::isfinite(value) && std::abs(value - std::round(value)) <= 1e-7;
}

// `(\d)(,)(\d\d\d)($|\D)` to the digits, again and again.
Text without_thousands_commas(TextView text) {
  Text current(text);
  while (true) {
    Text next;
    size_t at = 0;
    for (size_t comma = current.find(U','); comma != Text::npos;
         comma = current.find(U',', comma)) {
      const bool is_grouped = comma > at && is_decimal(current[comma - 1]) &&
                              comma + 3 < current.size() && is_decimal(current[comma + 1]) &&
                              is_decimal(current[comma + 2]) && is_decimal(current[comma + 3]) &&
                              (comma + 4 == current.size() || !is_decimal(current[comma + 4]));
      if (!is_grouped) {
        ++comma;
        continue;
      }
      next.append(current, at, comma - at).append(current, comma + 1, 4);
      at = comma = std::min(comma + 5, current.size());
    }
    next.append(current, at);
    if (next == current) return next;
    current = std::move(next);
  }
}

std::optional<double> as_integer(TextView text) {
  const auto value = to_float(without_thousands_commas(text));
  if (!value || !is_near_integer(*value)) return std::nullopt;
  return value;
}

// `^-?[0-9]+.?/0*[1-9][0-9]*.?$`
bool is_fraction(TextView text) {
  if (text.ends_with(U"\n")) text.remove_suffix(1);
  if (contains(text, U"\n")) return false;
  size_t at = !text.empty() && text.front() == U'-' ? 1 : 0;
  const size_t first = at;
  while (at < text.size() && is_digit_of_ascii(text[at])) ++at;
  if (at == first) return false;
  if (at < text.size() && (text[at] != U'/' || text.substr(at).starts_with(U"//"))) ++at;
  if (at >= text.size() || text[at] != U'/') return false;
  ++at;
  const size_t denominator = at;
  bool is_positive = false;
  while (at < text.size() && is_digit_of_ascii(text[at])) is_positive |= text[at++] != U'0';
  return at > denominator && is_positive && at + 1 >= text.size();
}

// nullopt: the library raises, and the program goes on with the text as it was.
std::optional<Text> latex_replaced(TextView latex) {
  Text text = replaced(latex, U"\\tfrac", U"\\frac");
  text = replaced(text, U"\\dfrac", U"\\frac");
  const auto plain = latex_to_text(replaced(text, U"\\frac", U" \\frac"));
  if (!plain) return std::nullopt;
  text = replaced(*plain, U"√", U"sqrt");
  text = replaced(text, U"π", U"pi");
  text = replaced(text, U"∞", U"inf");
  text = replaced(text, U"∪", U"U");
  text = replaced(text, U"·", U"*");
  return stripped(replaced(text, U"×", U"*"));
}

Text without_words(Text text) {
  text = replaced(text, U"\\%", U"%");
  text = replaced(text, U"\\$", U"$");
  text = replaced(text, U"$", U"");
  text = replaced(text, U"%", U"");
  text = replaced(text, U" or ", U" , ");
  text = replaced(text, U" and ", U" , ");
  text = replaced(text, U"million", U"*10^6");
  text = replaced(text, U"billion", U"*10^9");
  text = replaced(text, U"trillion", U"*10^12");
  for (const TextView unit : kUnits) text = without_unit(text, unit);
  return without_degrees(text);
}

bool is_bracket(char32_t c) {
  return contains(U"()[]", TextView(&c, 1));
}

std::vector<Text> elements_of(TextView text) {
  const Text plain = without_thousands_commas(text);
  if (plain.empty()) return {};
  bool is_tuple = plain.size() > 2 && is_bracket(plain.front()) && is_bracket(plain.back());
  for (size_t i = 1; i + 1 < plain.size(); ++i) is_tuple = is_tuple && !is_bracket(plain[i]);
  if (!is_tuple) return {plain};
  std::vector<Text> elements = split(TextView(plain).substr(1, plain.size() - 2), U",");
  for (Text& element : elements) element = stripped(element);
  return elements;
}

bool has_hard_power(TextView text) {
  for (size_t at = text.find(U'^'); at != TextView::npos; at = text.find(U'^', at + 1)) {
    if (at + 1 >= text.size()) return false;
    if (text[at + 1] == U'{' || text[at + 1] == U'(') return true;
    if (!is_digit_of_ascii(text[at + 1]) || at + 2 >= text.size()) continue;
    // `^dd`, and `^d^`: longer runs of digits are of the first kind.
    if (is_digit_of_ascii(text[at + 2]) || text[at + 2] == U'^') return true;
  }
  return false;
}

bool may_be_simplified(TextView text) {
  Text letters;
  for (const char32_t c : replaced(replaced(text, U"sqrt", U""), U"frac", U"")) {
    if (!is_alpha(c) || contains(letters, TextView(&c, 1))) continue;
    letters += c;
    if (letters.size() > 2) return false;
  }
  return !has_hard_power(text);
}

bool elements_equal(const Text& gold, const Text& given) {
  if (is_fraction(gold) && is_fraction(given)) return gold == given;
  if (as_integer(gold).has_value() != as_integer(given).has_value()) return false;
  return may_be_simplified(U"(" + gold + U")-(" + given + U")") &&
         sympy_difference_is_zero(gold, given);
}

Verdict prm800k(std::string_view gold, std::string_view prediction, const ProfileOptions&) {
  const Text wanted = to_text(gold);
  const Text given = to_text(prediction);
  const bool is_right =
      mathd_normalized(wanted) == mathd_normalized(given) || prm800k_sympy_equal(wanted, given);
  return {is_right, is_right ? 1.0 : 0.0, printable(prediction, 200),
          is_right ? "" : "neither the strings nor the expressions are equal"};
}

}  // namespace

Text prm800k_normalized(TextView answer, Dialect dialect) {
  Text text = without_words(without_text_command(answer, dialect));
  // One brace is both the first and the last character; Python's [1:-1] of it is empty.
  if (text.size() >= 2 && text.front() == U'{' && text.back() == U'}') {
    text = text.substr(1, text.size() - 2);
  }
  text = without_blanks_behind(text, U",\\!", false);
  if (const auto value = to_float(text); value && is_near_integer(*value)) {
    text = integer_text(std::nearbyint(*value));
  }
  if (contains(text, U"\\")) text = latex_replaced(text).value_or(text);
  text = with_mixed_numbers(without_blanks_behind(text, U"-", true));
  for (const TextView dropped : {TextView(U" "), TextView(U"{"), TextView(U"}")}) {
    text = replaced(text, dropped, U"");
  }
  text = lowered(text);
  if (as_integer(text)) {
    const auto value = to_float(replaced(text, U",", U""));
    if (value) text = integer_text(dialect == Dialect::rllm ? std::nearbyint(*value) : *value);
  }
  return text;
}

Text mathd_normalized(TextView answer, Dialect dialect) {
  const Text plain = without_text_command(stripped(answer), dialect);
  const Text text = stripped(plain);
  return hendrycks_normalized(text).value_or(text);
}

bool prm800k_sympy_equal(TextView gold, TextView given, Dialect dialect) {
  const Text wanted = prm800k_normalized(gold, dialect);
  const Text answer = prm800k_normalized(given, dialect);
  if (wanted == answer) return true;
  if (answer.empty()) return false;
  const auto golds = elements_of(wanted);
  const auto givens = elements_of(answer);
  if (golds.size() > 1 && (wanted.front() != answer.front() || wanted.back() != answer.back())) {
    return false;
  }
  if (golds.size() != givens.size()) return false;
  for (size_t i = 0; i < golds.size(); ++i) {
    if (!elements_equal(golds[i], givens[i])) return false;
  }
  return true;
}

extern const ProfileInfo kPrm800kProfile{"prm800k",
                                         "hendrycks' rule, else sympy's simplify under conditions",
                                         "openai/prm800k, grading/grader.py", true, prm800k};

}  // namespace gradus::rewards::profiles
