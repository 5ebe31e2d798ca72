// Profile `hendrycks`: hendrycks/math, modeling/math_equivalence.py, `is_equiv`.
//
//   drop newlines, \!, \left, \right, degrees, \$, \%, what follows `\text{ `; \\ to \;
//   dfrac and tfrac to frac; ` .5` to ` 0.5`; `k=5` to 5 when the left side has at most two
//   characters; braces around the arguments of \sqrt and \frac; no spaces; 0.5 to \frac{1}{2};
//   a/b of two integers to \frac{a}{b}; then equal strings.

#include "rewards/profiles/hendrycks.h"

#include "base/printable.h"
#include "rewards/profiles/profile.h"

namespace gradus::rewards::profiles {
namespace {

// The program's int() refuses longer ones, and leaves the fraction as it is.
constexpr size_t kMostDigitsOfInt = 4300;

// `\sqrt3` to `\sqrt{3}`: one character is the argument.
std::optional<Text> with_root_braces(const Text& text) {
  const auto parts = split(text, U"\\sqrt");
  Text result = parts.front();
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].empty()) return std::nullopt;
    result += U"\\sqrt";
    if (parts[i].front() == U'{') {
      result += parts[i];
    } else {
      result.append(U"{").append(1, parts[i].front()).append(U"}").append(parts[i], 1);
    }
  }
  return result;
}

// `\frac12` to `\frac{1}{2}` and `\frac1{72}` to `\frac{1}{72}`; a fraction with one character
// behind it leaves the whole text as it was.
std::optional<Text> with_fraction_braces(const Text& text) {
  const auto parts = split(text, U"\\frac");
  Text result = parts.front();
  for (size_t i = 1; i < parts.size(); ++i) {
    const Text& part = parts[i];
    if (part.empty()) return std::nullopt;
    result += U"\\frac";
    if (part.front() == U'{') {
      result += part;
      continue;
    }
    if (part.size() < 2) return text;
    result.append(U"{").append(1, part[0]).append(U"}");
    if (part[1] == U'{') {
      result.append(part, 1);
    } else {
      result.append(U"{").append(1, part[1]).append(U"}").append(part, 2);
    }
  }
  return result;
}

// As Python prints an int: no sign but minus, no leading zero.
bool is_plain_integer(TextView text) {
  if (!text.empty() && text.front() == U'-') {
    text.remove_prefix(1);
    if (text == U"0") return false;
  }
  if (text.empty() || text.size() > kMostDigitsOfInt) return false;
  if (text.front() == U'0') return text.size() == 1;
  for (const char32_t c : text) {
    if (c < U'0' || c > U'9') return false;
  }
  return true;
}

Text with_slash_as_fraction(const Text& text) {
  const auto parts = split(text, U"/");
  if (parts.size() != 2 || !is_plain_integer(parts[0]) || !is_plain_integer(parts[1])) return text;
  return U"\\frac{" + parts[0] + U"}{" + parts[1] + U"}";
}

Verdict hendrycks(std::string_view gold, std::string_view prediction, const ProfileOptions&) {
  const bool is_right = hendrycks_equal(to_text(gold), to_text(prediction));
  return {is_right, is_right ? 1.0 : 0.0, printable(prediction, 200),
          is_right ? "" : "the strings differ after normalisation"};
}

}  // namespace

std::optional<Text> hendrycks_normalized(TextView answer) {
  Text text = replaced(answer, U"\n", U"");
  text = replaced(text, U"\\!", U"");
  text = replaced(text, U"\\\\", U"\\");
  text = replaced(text, U"tfrac", U"frac");
  text = replaced(text, U"dfrac", U"frac");
  text = replaced(text, U"\\left", U"");
  text = replaced(text, U"\\right", U"");
  text = replaced(text, U"^{\\circ}", U"");
  text = replaced(text, U"^\\circ", U"");
  text = replaced(text, U"\\$", U"");
  const auto units = split(text, U"\\text{ ");
  if (units.size() > 2) return std::nullopt;
  text = replaced(units.front(), U"\\%", U"");
  text = replaced(text, U" .", U" 0.");
  text = replaced(text, U"{.", U"{0.");
  if (text.empty()) return text;
  if (text.front() == U'.') text.insert(text.begin(), U'0');
  const auto sides = split(text, U"=");
  if (sides.size() == 2 && sides.front().size() <= 2) text = sides.back();
  const auto rooted = with_root_braces(text);
  if (!rooted) return std::nullopt;
  const auto fractions = with_fraction_braces(replaced(*rooted, U" ", U""));
  if (!fractions) return std::nullopt;
  if (*fractions == U"0.5") return U"\\frac{1}{2}";
  return with_slash_as_fraction(*fractions);
}

bool hendrycks_equal(TextView left, TextView right) {
  const auto a = hendrycks_normalized(left);
  const auto b = hendrycks_normalized(right);
  return a && b ? *a == *b : left == right;
}

extern const ProfileInfo kHendrycksProfile{"hendrycks", "equal strings after light normalisation",
                                           "hendrycks/math, math_equivalence.py", true, hendrycks};

}  // namespace gradus::rewards::profiles
