#include "rewards/math/math_grader.h"
#include "tests/catch.h"
#include "tests/rewards/math/bare_answers.h"

using namespace gradus::rewards;

TEST_CASE("numbers are read exactly in the forms that answers take", "[rewards][math]") {
  const std::pair<const char*, const char*> cases[] = {{"72", "72"},
                                                       {"-5", "-5"},
                                                       {"+5", "5"},
                                                       {"−5", "-5"},
                                                       {"-(-5)", "5"},
                                                       {"(5)", "5"},
                                                       {"007", "7"},
                                                       {"0.10", "1/10"},
                                                       {".5", "1/2"},
                                                       {"5.", "5"},
                                                       {"-.25", "-1/4"},
                                                       {"1,234", "1234"},
                                                       {"1,234,567.5", "2469135/2"},
                                                       {"1 234 567", "1234567"},
                                                       {"1'000'000", "1000000"},
                                                       {"$1{,}000$", "1000"},
                                                       {"1\\,000\\,000", "1000000"},
                                                       {"11,\\! 111,\\! 111", "11111111"},
                                                       {"1.234,56", "30864/25"},
                                                       {"3/4", "3/4"},
                                                       {"6/8", "3/4"},
                                                       {"\\frac{3}{4}", "3/4"},
                                                       {"\\dfrac34", "3/4"},
                                                       {"-\\frac{1}{2}", "-1/2"},
                                                       {"\\frac{-1}{2}", "-1/2"},
                                                       {"\\frac1{72}", "1/72"},
                                                       {"1 1/4", "5/4"},
                                                       {"-3 1/2", "-7/2"},
                                                       {"2\\frac12", "5/2"},
                                                       {"3\\,\\tfrac{1}{2}", "7/2"},
                                                       {"½", "1/2"},
                                                       {"2½", "5/2"},
                                                       {"1e5", "100000"},
                                                       {"1.5E-3", "3/2000"},
                                                       {"2.5 x 10^3", "2500"},
                                                       {"2.5\\times10^{-3}", "1/400"},
                                                       {"10^6", "1000000"},
                                                       {"6.02·10^2", "602"},
                                                       {"50%", "50%"},
                                                       {"50\\%", "50%"},
                                                       {"12.5 percent", "12.5%"},
                                                       {"$18.90", "189/10"},
                                                       {"\\$18", "18"},
                                                       {"-$5", "-5"},
                                                       {"$-5", "-5"},
                                                       {"€1,250.50", "2501/2"},
                                                       {"18 dollars", "18"},
                                                       {"2.5 million", "2500000"},
                                                       {"5\\text{ cm}", "5 cm"},
                                                       {"5 centimeters", "5 cm"},
                                                       {"12\\text{ m/s}", "12 m/s"},
                                                       {"72 clips", "72 clip"},
                                                       {"90^\\circ", "90"},
                                                       {"90^{\\circ}", "90"},
                                                       {"15 cm^2", "15 cm^2"},
                                                       {"x = 5", "5"},
                                                       {"$x=5$", "5"},
                                                       {"**42**", "42"},
                                                       {"42.", "42"},
                                                       {"\\(42\\)", "42"},
                                                       {"`42`", "42"},
                                                       {"0.\\overline{3}", "1/3"},
                                                       {"0.1\\overline{6}", "1/6"},
                                                       {"0.\\overline{142857}", "1/7"},
                                                       {"１２", "12"},
                                                       {"\xC2\xA0"
                                                        "12\xE2\x80\x89",
                                                        "12"}};
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(answers_equal(expected, text));
    CHECK_FALSE(answers_equal("7919", text));
  }
}

TEST_CASE("what holds a number is not that number", "[rewards][math]") {
  const std::pair<const char*, const char*> cases[] = {
      {"5", "5x"},           {"5", "5\\pi"},  {"3", "3 or 4"},
      {"1", "1, 2"},         {"5", "5!"},     {"4", "4/0"},
      {"1", "\\frac{1}{0}"}, {"2", "2^3"},    {"2", "\\sqrt{2}"},
      {"1", "1 2 3 4"},      {"12", "12 34"}, {"123456", "1,23,4567"},
      {"5", "5 and 6"},      {"0", "0x10"},   {"1000", "__import__('os')"}};
  for (const auto& [gold, answer] : cases) {
    CAPTURE(gold, answer);
    CHECK_FALSE(answers_equal(gold, answer));
  }
}

TEST_CASE("huge exponents and texts cost next to nothing", "[rewards][math]") {
  CHECK(seconds_of([] {
          for (const std::string& text :
               {std::string("1e999999999"), std::string("1e-99999999999999999999"),
                std::string("10^{999999999}"), std::string(1'000'000, '9'),
                std::string(100'000, '('), std::string(19'000, '{')}) {
            CHECK_FALSE(answers_equal("5", text));
          }
        }) < 0.5);
  const std::string long_number(9999, '7');
  CHECK(answers_equal(long_number, long_number + ".0"));
  CHECK_FALSE(answers_equal(long_number, long_number.substr(1) + "6"));
}

TEST_CASE("small differences are differences", "[rewards][math]") {
  CHECK_FALSE(answers_equal("0.0000001", "0.0000002"));
  CHECK_FALSE(answers_equal("1.6e-19", "1.7e-19"));
  CHECK_FALSE(answers_equal("0.3333", "1/3"));
  CHECK(math::numbers_within("0.3333", "1/3", 1e-4));
  CHECK_FALSE(math::numbers_within("0.33", "1/3", 1e-4));
  CHECK(answers_equal("0.1", "1/10"));
}

TEST_CASE("percent and units are compared when both sides have them", "[rewards][math]") {
  CHECK(answers_equal("50%", "0.5"));
  CHECK(answers_equal("0.5", "50\\%"));
  CHECK(answers_equal("50", "50%"));
  CHECK_FALSE(answers_equal("50%", "5%"));
  CHECK_FALSE(answers_equal("50%", "0.05"));
  CHECK_FALSE(answers_equal("3 hours", "3 minutes"));
  CHECK_FALSE(answers_equal("5 km", "5 m"));
  CHECK(answers_equal("5\\text{ cm}", "5\\,\\mathrm{cm}"));
  CHECK(answers_equal("12", "12 m/s"));
}
