// Profile `math_dapo`: verl, reward_score/math_dapo.py; 1 when right, else -1.
//
//   In the last 300 characters the last `answer : ...` (any case) up to the end of its line, in
//   Minerva's normal form, equals the gold in that form. Where there is none, or with strict_box,
//   the last \boxed{...} of the last 100 characters equals the gold as it is written.

#include <array>

#include "base/printable.h"
#include "rewards/profiles/profile.h"
#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {
namespace {

constexpr size_t kWindow = 300;
constexpr size_t kBoxCharacters = 100;
constexpr TextView kInvalid = U"[INVALID]";

struct Substitution {
  TextView from;
  TextView to;
};

// Order matters in both lists: each works on what the ones before have left.
constexpr std::array kSubstitutions{
    Substitution{U"an ", U""},          Substitution{U"a ", U""},
    Substitution{U".$", U"$"},          Substitution{U"\\$", U""},
    Substitution{U"\\ ", U""},          Substitution{U" ", U""},
    Substitution{U"mbox", U"text"},     Substitution{U",\\text{and}", U","},
    Substitution{U"\\text{and}", U","}, Substitution{U"\\text{m}", U"\\text{}"},
};
constexpr std::array<TextView, 41> kRemoved{
    U"square",     U"ways",       U"integers",  U"dollars",      U"mph",
    U"inches",     U"hours",      U"km",        U"units",        U"\\ldots",
    U"sue",        U"points",     U"feet",      U"minutes",      U"digits",
    U"cents",      U"degrees",    U"cm",        U"gm",           U"pounds",
    U"meters",     U"meals",      U"edges",     U"students",     U"childrentickets",
    U"multiples",  U"\\text{s}",  U"\\text{.}", U"\\text{\ns}",  U"\\text{}^2",
    U"\\text{}^3", U"\\text{\n}", U"\\text{}",  U"\\mathrm{th}", U"^\\circ",
    U"^{\\circ}",  U"\\;",        U",\\!",      U"{,}",          U"\"",
    U"\\dots",
};

size_t line_end(TextView text, size_t at) {
  const size_t end = text.find(U'\n', at);
  return end == TextView::npos ? text.size() : end;
}

// On each line with two `$`: only `$...$` between the first two is kept.
Text with_first_math_only(TextView text) {
  Text result;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = line_end(text, at);
    const TextView line = text.substr(at, end - at);
    const size_t open = line.find(U'$');
    const size_t close = open == TextView::npos ? open : line.find(U'$', open + 1);
    result.append(close == TextView::npos ? line : line.substr(open, close + 1 - open));
    if (end < text.size()) result += U'\n';
    at = end + 1;
  }
  return result;
}

// `COMMAND{content}` to `content`, each on one line; the brace that closes is the first one, or
// the line's last one.
Text without_command(TextView text, TextView command, bool to_last_brace) {
  Text result;
  size_t at = 0;
  size_t end = 0;  // of the line
  for (size_t hit = text.find(command); hit != TextView::npos; hit = text.find(command, hit)) {
    const size_t start = hit + command.size();
    if (start > end) end = line_end(text, start);
    const TextView line = text.substr(start, end - start);
    const size_t close = to_last_brace ? line.rfind(U'}') : line.find(U'}');
    if (close == TextView::npos) {
      hit = end;  // the line has no brace for later ones either
      continue;
    }
    result.append(text.substr(at, hit - at)).append(line.substr(0, close));
    at = hit = start + close + 1;
  }
  return result.append(text.substr(at));
}

// `frac12` to `frac{1}{2}`: two characters without braces.
Text with_dapo_fractions(TextView text) {
  Text result;
  size_t at = 0;
  for (size_t hit = text.find(U"frac"); hit != TextView::npos; hit = text.find(U"frac", hit)) {
    const size_t first = hit + 4;
    if (first + 1 >= text.size() || text[first] == U'{' || text[first + 1] == U'\n') {
      ++hit;
      continue;
    }
    result.append(text.substr(at, first - at));
    result.append(U"{")
        .append(1, text[first])
        .append(U"}{")
        .append(1, text[first + 1])
        .append(U"}");
    at = hit = first + 2;
  }
  return result.append(text.substr(at));
}

Text with_dapo_roots(TextView text) {
  Text result;
  size_t at = 0;
  for (size_t hit = text.find(U"sqrt"); hit != TextView::npos; hit = text.find(U"sqrt", hit)) {
    const size_t first = hit + 4;
    if (first >= text.size() || text[first] == U'{') {
      ++hit;
      continue;
    }
    result.append(text.substr(at, first - at)).append(U"{").append(1, text[first]).append(U"}");
    at = hit = first + 1;
  }
  return result.append(text.substr(at));
}

bool is_all_digits(TextView text) {
  for (const char32_t c : text) {
    if (!is_digit(c)) return false;
  }
  return !text.empty();
}

Text minerva_form(TextView answer) {
  Text text = split(answer, U"=").back();
  for (const auto& [from, to] : kSubstitutions) text = replaced(text, from, to);
  for (const TextView expression : kRemoved) text = replaced(text, expression, U"");
  text = with_first_math_only(text);
  text = without_command(text, U"\\text{", false);
  text = without_command(text, U"\\textbf{", false);
  text = without_command(text, U"\\overline{", false);
  text = without_command(text, U"\\boxed{", true);
  text = with_dapo_roots(with_dapo_fractions(text));
  text = replaced(text, U"$", U"");
  const Text no_commas = replaced(text, U",", U"");
  return stripped(is_all_digits(no_commas) ? no_commas : text);
}

// U+017F, the long s, is the one other character that equals a letter of "answer" in any case.
bool is_answer_word(TextView text, size_t at) {
  constexpr TextView kWord = U"answer";
  if (text.size() - at < kWord.size()) return false;
  for (size_t i = 0; i < kWord.size(); ++i) {
    const char32_t c = text[at + i];
    const char32_t lower = c >= U'A' && c <= U'Z' ? c + 32 : c == 0x17F ? U's' : c;
    if (lower != kWord[i]) return false;
  }
  return true;
}

size_t after_spaces(TextView text, size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

// Where the answer behind a colon starts: behind white space, newlines included; when nothing
// follows that, at its last character that is not a newline. npos: there is none.
size_t answer_start(TextView text, size_t after_colon) {
  const size_t start = after_spaces(text, after_colon);
  if (start < text.size()) return start;
  for (size_t at = text.size(); at > after_colon; --at) {
    if (text[at - 1] != U'\n') return at - 1;
  }
  return TextView::npos;
}

std::optional<Text> last_answer(TextView text) {
  std::optional<Text> answer;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!is_answer_word(text, at)) continue;
    const size_t colon = after_spaces(text, at + 6);
    if (colon >= text.size() || text[colon] != U':') continue;
    const size_t start = answer_start(text, colon + 1);
    if (start == TextView::npos) continue;
    const size_t end = line_end(text, start);
    answer = Text(text.substr(start, end - start));
    at = end - 1;
  }
  return answer;
}

std::optional<Text> boxed_answer(TextView text) {
  constexpr TextView kOpening = U"\\boxed{";
  const auto box = from_last_to_closing_brace(last(text, kBoxCharacters), kOpening);
  if (!box) return std::nullopt;
  return box->substr(kOpening.size(), box->size() - kOpening.size() - 1);
}

Verdict verdict(bool is_right, TextView answer, const char* reason) {
  return {is_right, is_right ? 1.0 : -1.0, printable(to_utf8(answer), 200), is_right ? "" : reason};
}

Verdict math_dapo(std::string_view gold, std::string_view prediction,
                  const ProfileOptions& options) {
  const Text whole = to_text(prediction);
  const TextView text = last(whole, kWindow);
  const Text wanted = to_text(gold);
  if (!options.strict_box) {
    const Text answer = minerva_form(last_answer(text).value_or(Text(kInvalid)));
    const bool is_right = answer == minerva_form(wanted);
    if (answer != kInvalid) {
      return verdict(is_right, answer, "the normal forms differ");
    }
    const auto boxed = boxed_answer(text);
    if (!boxed) return verdict(is_right, U"", "no `Answer:` and no box where the rule looks");
    return verdict(*boxed == wanted, *boxed, "the box differs from the gold as written");
  }
  const auto boxed = boxed_answer(text);
  if (!boxed) return verdict(false, U"", "no box in the last 100 characters");
  return verdict(*boxed == wanted, *boxed, "the box differs from the gold as written");
}

}  // namespace

extern const ProfileInfo kMathDapoProfile{
    "math_dapo",
    "`Answer: ...` of the last 300 characters, normalised; 1 or -1",
    "verl, reward_score/math_dapo.py",
    false,
    math_dapo,
    -1};

}  // namespace gradus::rewards::profiles
