#include "rewards/profiles/profile.h"

#include "base/error.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "rewards/profiles/latex_text.h"
#include "rewards/profiles/python_arithmetic.h"
#include "tests/catch.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::rewards::profiles;

namespace {

Verdict grade(const char* profile, const std::string& gold, const std::string& prediction) {
  return find_profile(profile).grade(gold, prediction, {});
}

std::string plain(const std::string& latex) {
  const auto text = latex_to_text(to_text(latex));
  return text ? to_utf8(*text) : "(raises)";
}

std::optional<double> evaluated(const std::string& expression) {
  const auto value = evaluate_python_arithmetic(to_text(expression));
  if (!value) return std::nullopt;
  if (const auto* real = std::get_if<double>(&*value)) return *real;
  return std::get<boost::multiprecision::cpp_int>(*value).convert_to<double>();
}

}  // namespace

TEST_CASE("profiles say what the programs say that they follow", "[rewards][profiles]") {
  int num_cases = 0;
  LineReader reader(tests::fixtures("verify/cases.jsonl").back());
  while (const auto line = reader.next()) {
    const auto row = parse_json(line->text, reader.where());
    if (!row.at("config").contains("profile")) continue;
    const std::string profile = row.at("config").at("profile");
    const auto verdict = grade(profile.c_str(), row.at("gold"), row.at("prediction"));
    INFO(row.at("id") << ": gold " << row.at("gold") << ", prediction " << row.at("prediction")
                      << ", took " << verdict.answer << ", " << verdict.reason);
    CHECK(verdict.is_right == row.at("expected").get<bool>());
    ++num_cases;
  }
  CHECK(num_cases > 35);
}

TEST_CASE("profiles and latex_to_text say what the programs said of generated answers",
          "[rewards][profiles][parity]") {
  // Outputs of those programs themselves, run on answers of the shared cases and changes of them.
  LineReader reader(GRADUS_SOURCE_DIR "/tests/rewards/cases/profile_cases.jsonl");
  int num_cases = 0;
  while (const auto line = reader.next()) {
    const auto row = parse_json(line->text, reader.where());
    INFO(row);
    ++num_cases;
    if (row.contains("latex")) {
      CHECK(plain(row.at("latex")) == row.at("text"));
      continue;
    }
    const std::string profile = row.at("profile");
    CHECK(grade(profile.c_str(), row.at("gold"), row.at("prediction")).is_right ==
          row.at("expected").get<bool>());
  }
  CHECK(num_cases > 400);
}

TEST_CASE("an unknown profile is refused with the nearest name", "[rewards][profiles]") {
  CHECK_THROWS_AS(find_profile("hendricks"), ArgumentError);
  CHECK_THROWS_WITH(find_profile("hendricks"), Catch::Contains("did you mean \"hendrycks\"?"));
  for (const auto& profile : list_profiles()) CHECK(&find_profile(profile.name) == &profile);
}

TEST_CASE("hendrycks falls back on the texts as written where the program raises",
          "[rewards][profiles]") {
  CHECK(grade("hendrycks", "\\frac", "\\frac").is_right);
  CHECK_FALSE(grade("hendrycks", "\\sqrt", "\\sqrt ").is_right);
  CHECK_FALSE(grade("hendrycks", "1\\text{ a}\\text{ b}", "1").is_right);
  CHECK(grade("hendrycks", "\\frac1", "\\dfrac1").is_right);
}

TEST_CASE("math_dapo takes the box only where no answer line stands", "[rewards][profiles]") {
  CHECK(grade("math_dapo", "34", "so \\boxed{34}").score == 1.0);
  CHECK(grade("math_dapo", "34", "Answer: 33 \\boxed{34}").score == -1.0);
  CHECK(grade("math_dapo", "34", "Answer:\n34").score == 1.0);
  CHECK(grade("math_dapo", "34", "Answer: ").score == -1.0);
  CHECK(find_profile("math_dapo")
            .grade("34", "Answer: 33 \\boxed{34}", {.strict_box = true})
            .is_right);
}

TEST_CASE("countdown evaluates as Python does, without running anything", "[rewards][profiles]") {
  CHECK(evaluated("8/(3-8/3)") == Approx(24));
  CHECK(evaluated("-2**2") == -4.0);
  CHECK(evaluated("1/(2-4)") == -0.5);
  CHECK(evaluated("2**-1") == 0.5);
  CHECK(evaluated("2**3**2") == 512.0);
  CHECK(evaluated("-7//2") == -4.0);
  CHECK(evaluated("7.5//2") == 3.0);
  CHECK(evaluated("1. + .5") == 1.5);
  CHECK(evaluated("--3") == 3.0);
  for (const char* none : {"5/0", "012", "5(3)", "()", "2 3", "2+", "1..2", "(1", "1)", "", "**2",
                           "9**9**9**9", "(-8)**(1/3)"}) {
    INFO(none);
    CHECK_FALSE(evaluated(none));
  }
  CHECK_FALSE(evaluated(std::string(300, '(') + "1" + std::string(300, ')')));
  CHECK(grade("countdown", R"({"target": 12, "numbers": [2, 3, 4]})", "<answer>2**3+4</answer>")
            .is_right);
}

TEST_CASE("LaTeX becomes the text that latex2text makes of it", "[rewards][profiles][latex]") {
  CHECK(plain("\\frac{1}{2}") == "1/2");
  CHECK(plain("\\frac\\pi2") == "π/2");
  CHECK(plain("\\frac1") == "%s/%s1");
  CHECK(plain("\\sqrt[3]{2}") == "√(2)");
  CHECK(plain("\\sqrt") == "(raises)");
  CHECK(plain("\\left(3,\\frac{\\pi}{2}\\right)") == "(3,π/2)");
  CHECK(plain("\\begin{pmatrix}1&2\\\\33&4\\end{pmatrix}") == "[  1  2; 33  4 ]");
  CHECK(plain("a}b{c") == "abc");
  CHECK(plain("\\log_2 3") == "log_2 3");
  CHECK(plain("\\tan^{-1} x") == "tan^-1 x");
  CHECK(plain("\\mathbb{R}\\hat{x}\\unknown{y}") == "ℝx̂y");
  CHECK(plain("\\le 3") == "≤3");
  CHECK(plain("\\alpha   b") == "αb");
  CHECK(plain(std::string(300, '{')) == "(raises)");
  std::string accents;
  for (int i = 0; i < 200; ++i) accents += "\\hat{2";
  CHECK(plain(accents) == "(raises)");
  std::string roots;
  for (int i = 0; i < 60; ++i) roots += "\\sqrt[";
  CHECK(plain(roots) == "(raises)");
}
