#include "rewards/answers/answer.h"

#include "rewards/answers/math_text.h"
#include "rewards/answers/number.h"

namespace gradus::rewards {
namespace {

constexpr size_t kMaxAnswerBytes = 20'000;

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_word_letter(char c) {
  return is_upper(c) || (c >= 'a' && c <= 'z');
}

// `\frac12` as `\frac{1}{2}`, so that both spellings are one text.
std::string with_braced_fractions(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (!text.substr(i).starts_with("\\frac")) {
      out += text[i++];
      continue;
    }
    out += "\\frac";
    i += 5;
    for (int argument = 0; argument < 2 && i < text.size() && text[i] != '{'; ++argument) {
      if (!is_word_letter(text[i]) && (text[i] < '0' || text[i] > '9')) break;
      out += {'{', text[i++], '}'};
    }
  }
  return out;
}

std::string comparable_text(std::string_view text) {
  const std::string plain = plain_math_text(undressed(text));
  std::string out;
  for (const char c : undressed(plain)) {
    if (c != ' ') out += c;
  }
  if (out.size() == 3 && out.front() == '(' && out.back() == ')') out = out.substr(1, 1);
  out = with_braced_fractions(out);
  if (out.size() > 1) {
    for (char& c : out) {
      if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return out;
}

// The letter that "(C)", "C.", "C) 12 cm" or "C: because" choose; 0 for anything else.
char choice_of(std::string_view text) {
  const std::string plain = plain_math_text(undressed(text));
  std::string_view rest = undressed(plain);
  if (rest.starts_with('(')) rest.remove_prefix(1);
  if (rest.empty() || !is_word_letter(rest[0])) return 0;
  if (rest.size() == 1) return rest[0];
  const bool is_marked = rest[1] == ')' || rest[1] == '.' || rest[1] == ':';
  return is_marked ? rest[0] : 0;
}

AnswerVerdict verdict(bool is_equal) {
  return is_equal ? AnswerVerdict::equal : AnswerVerdict::different;
}

}  // namespace

AnswerVerdict compare_answers(std::string_view gold, std::string_view answer, double tolerance) {
  gold = trimmed(gold);
  if (gold.empty() || gold.size() > kMaxAnswerBytes) return AnswerVerdict::unparsable_gold;
  if (answer.size() > kMaxAnswerBytes) return AnswerVerdict::different;
  if (const auto expected = parse_number(gold)) {
    auto given = parse_number(answer);
    if (!given) given = sole_number(answer);
    return verdict(given && numbers_equal(*expected, *given, tolerance));
  }
  const std::string expected = comparable_text(gold);
  if (expected.empty()) return AnswerVerdict::unparsable_gold;
  if (expected == comparable_text(answer)) return AnswerVerdict::equal;
  return verdict(expected.size() == 1 && is_upper(expected[0]) && choice_of(answer) == expected[0]);
}

bool answers_equal(std::string_view gold, std::string_view answer, double tolerance) {
  return compare_answers(gold, answer, tolerance) == AnswerVerdict::equal;
}

std::string_view gold_of(std::string_view answer) {
  const size_t mark = answer.rfind("####");
  return trimmed(mark == std::string_view::npos ? answer : answer.substr(mark + 4));
}

}  // namespace gradus::rewards
