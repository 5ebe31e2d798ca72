// What the mathematical grader promises beyond single cases.

#include <array>
#include <string>

#include "rewards/math/math_grader.h"
#include "rewards/math/reading/parser.h"
#include "tests/catch.h"

using namespace gradus::rewards::math;

namespace {

bool is_right(const std::string& gold, const std::string& answer) {
  MathOptions options;
  options.boxed_match_priority = options.gold_boxed_match_priority = 0;
  return grade_math(gold, "\\boxed{" + answer + "}", options).is_right();
}

Reason reason_of(const std::string& gold, const std::string& prediction) {
  return grade_math(gold, prediction, {}).reason;
}

const std::array<std::string, 24> kAnswers{"5",
                                           "-\\frac{3}{4}",
                                           "0.125",
                                           "2\\sqrt{3}",
                                           "\\frac{1+\\sqrt5}{2}",
                                           "\\pi",
                                           "e^{2x}",
                                           "x^2+2x+1",
                                           "\\frac{x+1}{x-1}",
                                           "(1, 2)",
                                           "[0, 1)",
                                           "\\{1, 2, 3\\}",
                                           "1, 2, 3",
                                           "(-\\infty, 3)",
                                           "x < 3",
                                           "x = 5",
                                           "y = 2x + 1",
                                           "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
                                           "\\text{east}",
                                           "52_8",
                                           "3:4",
                                           "\\log_2 5",
                                           "\\sin x",
                                           "1 + i"};

}  // namespace

TEST_CASE("an answer equals itself and no other", "[rewards][math]") {
  for (const auto& gold : kAnswers) {
    for (const auto& answer : kAnswers) {
      CAPTURE(gold, answer);
      const bool is_same = gold == answer;
      // An interval answers the inequality that it solves.
      const bool is_solution = gold == "x < 3" && answer == "(-\\infty, 3)";
      // Braces of a set may be left out.
      const bool is_list = (gold == "1, 2, 3" || gold == "\\{1, 2, 3\\}") &&
                           (answer == "1, 2, 3" || answer == "\\{1, 2, 3\\}");
      const bool is_assigned =
          (gold == "5" && answer == "x = 5") || (gold == "x = 5" && answer == "5");
      CHECK(is_right(gold, answer) == (is_same || is_solution || is_list || is_assigned));
    }
  }
}

TEST_CASE("expressions are compared in both directions alike", "[rewards][math]") {
  const std::array<std::string, 10> forms{
      "\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt2}{2}", "\\sin 45^\\circ",  "2^{-1/2}",
      "\\cos\\frac{\\pi}{4}", "\\sqrt{0.5}",        "\\sqrt{\\frac12}", "(1/2)^{1/2}",
      "\\frac{1}{2}\\sqrt 2", "\\sqrt{2}/2"};
  for (const auto& a : forms) {
    for (const auto& b : forms) {
      CAPTURE(a, b);
      CHECK(is_right(a, b));
    }
    CHECK_FALSE(is_right(a, "0.7"));
    CHECK_FALSE(is_right("0.7", a));
  }
}

TEST_CASE("a proper fraction behind an integer is added, another multiplies", "[rewards][math]") {
  for (const std::string mixed :
       {"2\\frac{1}{4}", "2\\frac14", "2\\frac1{4}", "2\\frac{1}4", "2\\tfrac14"}) {
    CAPTURE(mixed);
    CHECK(is_right("9/4", mixed));
  }
  CHECK(is_right("x", "2\\frac{x}{2}"));
  CHECK(is_right("3", "2\\frac{3}{2}"));
  CHECK(is_right("\\frac{11}{120}", "\\frac{11}{12}\\frac{1}{10}"));
}

TEST_CASE("rules that have a direction keep it", "[rewards][math]") {
  CHECK(is_right("x<3", "(-\\infty,3)"));
  CHECK_FALSE(is_right("(-\\infty,3)", "x<3"));
  CHECK(is_right("y=2x+1", "2x+1"));
  CHECK(is_right("2x+1", "y=2x+1"));
  CHECK_FALSE(is_right("x^2-1", "x^2-1=0"));
}

TEST_CASE("hedges and several answers are wrong and named", "[rewards][math]") {
  CHECK(reason_of("1", "\\boxed{1 \\text{ or } 2}") == Reason::hedged);
  CHECK(reason_of("1", "\\boxed{1}, \\boxed{2}") == Reason::hedged);
  CHECK(reason_of("2", "\\boxed{\\pm 2}") == Reason::hedged);
  CHECK(reason_of("3", "The answer is 1 or 2 or 3.") == Reason::hedged);
  MathOptions lenient;
  lenient.allows_several = true;
  CHECK(grade_math("1", "\\boxed{1 \\text{ or } 2}", lenient).is_right());
}

TEST_CASE("a verdict tells wrong from unread, unfound and too much", "[rewards][math]") {
  CHECK(reason_of("5", "\\boxed{6}") == Reason::different);
  CHECK(reason_of("5", "I do not know.") == Reason::no_answer);
  CHECK(reason_of("5", "\\boxed{\\foo}") == Reason::unparsable_answer);
  CHECK(reason_of("?", "\\boxed{5}") == Reason::unparsable_gold);
  CHECK(reason_of("5", "\\boxed{" + std::string(5'000, '(') + "}") == Reason::budget);
}

TEST_CASE("towers, bombs and depth end without being worked out", "[rewards][math]") {
  for (const std::string bomb :
       {"9^{9^{9^9}}", "100000000!", "((10!)!)!", "2^{10^{12}}", "\\binom{10^9}{5\\cdot 10^8}",
        "\\sum_{k=1}^{10^{12}} \\frac1k", "e^{e^{e^{e^{e^e}}}}", "\\prod_{k=1}^{10^9} k",
        "1e999999999", "10^{-1e18}"}) {
    CAPTURE(bomb);
    CHECK_FALSE(is_right("1", bomb));
    CHECK(is_right(bomb, bomb));
  }
  std::string tower = "x";
  for (int i = 0; i < 300; ++i) tower = "x^{" + tower + "}";
  CHECK(is_right(tower, tower));
  CHECK_FALSE(is_right("1", tower));
  CHECK_FALSE(is_right("1", std::string("1") + std::string(50'000, '/') + "1"));
  std::string chain = "1";
  for (int i = 0; i < 50'000; ++i) chain += "/1";
  CHECK(reason_of("1", "\\boxed{" + chain + "}") == Reason::budget);
  for (const std::string prefix :
       {"\\frac-", "\\sin-", "\\frac\\frac", "\\sqrt\\sqrt", "\\sin\\cos", "x^", "--"}) {
    std::string many = prefix;
    while (many.size() < 100'000) many += prefix.substr(prefix.find_last_of("-\\x"));
    CHECK(reason_of("1", "\\boxed{" + many + "1}") == Reason::budget);
  }
  std::string fractions = "1";
  for (int i = 0; i < 300; ++i) fractions += "\\frac1";
  CHECK_FALSE(is_right("1", "(" + fractions + "{2}2)^2"));
  std::string nested = "5";
  for (int i = 0; i < 500; ++i) nested = "(" + nested + ")";
  CHECK(is_right("5", nested));
  CHECK_FALSE(is_right("5", std::string(100'000, '{') + "5" + std::string(100'000, '}')));
}

TEST_CASE("powers beyond any memory are not written out", "[rewards][math]") {
  const std::string large = "1111111111111111111";
  const std::string huge = large + large;
  for (const std::string& exponent : {large, huge, "-" + large, large + ".5"}) {
    for (const std::string base : {"1111222222222222222222222222", "\\sqrt{2}", "(12\\sqrt{2})",
                                   "(\\frac{x}{3})", "\\frac{1}{7}", "(2^{1/3}x)"}) {
      const std::string power = base + "^{" + exponent + "}";
      INFO(power);
      CHECK_FALSE(is_right("1", power));
      CHECK_FALSE(is_right(power, "1"));
      CHECK_FALSE(is_right("0<a, 7<a" + power + "-1", "a > 7"));
      CHECK(is_right(power, power));
    }
  }
  CHECK_FALSE(is_right("2^{" + large + "}", "2^{" + large + "1}"));
}

TEST_CASE("small differences of large and tiny numbers are seen", "[rewards][math]") {
  CHECK_FALSE(is_right("2^{1000}", "2^{1000}+1"));
  CHECK_FALSE(is_right("\\frac{1}{2004!}", "\\frac{1}{2006!}"));
  CHECK_FALSE(is_right("10^{-20}", "2 \\cdot 10^{-20}"));
  CHECK_FALSE(is_right("1.6 \\times 10^{-19}", "1.7 \\times 10^{-19}"));
  CHECK_FALSE(is_right("\\sin(\\cos x)", "\\sin(\\cos x) + 10^{-40}"));
  CHECK(is_right("\\frac13", "0.333333"));
  CHECK_FALSE(is_right("\\frac13", "0.33"));
}

TEST_CASE("undefined values equal nothing but themselves", "[rewards][math]") {
  for (const std::string undefined : {"\\frac00", "\\frac10", "\\log 0", "0^{-1}"}) {
    for (const std::string gold : {"0", "1", "\\infty"}) {
      CAPTURE(undefined, gold);
      CHECK_FALSE(is_right(gold, undefined));
    }
  }
}

TEST_CASE("a parsed text is one answer or none", "[rewards][math]") {
  for (const std::string text : {"1 2", "1 +", "(1", "1)", "\\frac{1}", "x_", "\\sqrt", "", "=",
                                 "\\begin{pmatrix}1&2\\\\3\\end{pmatrix}"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_math(text, {}).ok());
  }
}

TEST_CASE("money of any currency is that of one, in an equation too", "[rewards][math]") {
  CHECK(is_right("5\\text{ dollars}", "\\$5"));
  CHECK(is_right("x = 5\\text{ dollars}", "x = \\$5"));
  CHECK_FALSE(is_right("x = 5\\text{ dollars}", "x = 5\\text{ euros}"));
}

TEST_CASE("doubts and denials are no answers", "[rewards][math]") {
  CHECK_FALSE(is_right("1", "1 \\text{ (maybe 2)}"));
  CHECK_FALSE(is_right("5", "5 \\text{ or more}"));
  CHECK_FALSE(is_right("5", "5 \\text{ is wrong}"));
  CHECK(is_right("5", "5 \\text{ apples}"));
  CHECK(is_right("5", "5 \\text{ cm}^2"));
  CHECK(reason_of("18", "The answer is not 18.") == Reason::no_answer);
}

TEST_CASE("dates are days, however they are written", "[rewards][math]") {
  const auto grade = [](const std::string& gold, const std::string& prediction) {
    return grade_math(gold, prediction, {}).reason;
  };
  for (const char* same :
       {"March 3, 2024", "3 March 2024", "the 3rd of March, 2024", "Sunday, Mar. 3, 2024",
        "2024-03-03", "3/3/2024", "\\text{March 3, 2024}", "March 3rd 2024."}) {
    INFO(same);
    CHECK(is_right("March 3, 2024", same));
    CHECK(is_right("2024-03-03", same));
    CHECK(is_right(same, "2024-03-03"));
    CHECK(grade("March 3", std::string("So it is ") + same) == Reason::equal);
    CHECK(grade("2024-03-03", std::string("#### ") + same) == Reason::equal);
  }
  for (const char* other :
       {"March 4, 2024", "March 2024", "2024-03-30", "2018", "Monday, March 3, 2024",
        "March 33, 2024", "2023-03-03", "4/3/2024", "March 3", "2024-04-02"}) {
    INFO(other);
    CHECK_FALSE(is_right("2024-03-03", other));
    CHECK_FALSE(is_right("March 3, 2024", other));
  }
  CHECK(is_right("14.3.2024", "3/14/2024"));
  CHECK(is_right("Feb 29", "29 February"));
  CHECK(grade("March 3", "On March 2 it begins and it ends on March 3.") == Reason::equal);
  CHECK(grade("March 3", "It is March 2 or March 3.") == Reason::hedged);
  CHECK(grade("March 3", "It ends in spring.") == Reason::no_answer);
  // Digits alone stay arithmetic.
  CHECK(is_right("2024-3", "2021"));
  CHECK(is_right("10/5", "2"));
}

TEST_CASE("powers of long sums are compared without being written out", "[rewards][math]") {
  CHECK(is_right("(a+b+c+d)^{40}", "(d+c+b+a)^{40}"));
  CHECK_FALSE(is_right("(a+b+c+d)^{40}", "(a+b+c-d)^{40}"));
  CHECK(is_right("(x+1)^{100}", "(1+x)^{100}"));
  CHECK_FALSE(is_right("(x+1)^{100}", "(1+x)^{100}+1"));
}
