#include "rewards/graders/formula.h"

#include "tests/catch.h"

using namespace gradus::rewards::graders;

namespace {

double value_of(const std::string& text, const std::vector<double>& values = {}) {
  const auto result = Formula(text).evaluate(values);
  INFO(text << ": " << result.fault);
  CHECK(result.fault.empty());
  return result.value;
}

std::string fault_of(const std::string& text, const std::vector<double>& values = {}) {
  const auto result = Formula(text).evaluate(values);
  CHECK(result.value == 0.0);
  return result.fault;
}

}  // namespace

TEST_CASE("formulas follow the grammar's precedence", "[rewards][graders][formula]") {
  CHECK(value_of("1 + 2 * 3") == 7);
  CHECK(value_of("(1 + 2) * 3") == 9);
  CHECK(value_of("8 - 4 - 2") == 2);
  CHECK(value_of("16 / 4 / 2") == 2);
  CHECK(value_of("2 ^ 3 ^ 2") == 512);
  CHECK(value_of("-2 ^ 2") == -4);
  CHECK(value_of("2 ^ -1") == 0.5);
  CHECK(value_of("2 * -3") == -6);
  CHECK(value_of(".5 + 1.25e1 + 1.") == 14);
  CHECK(value_of(" 1\n+\t1 ") == 2);
}

TEST_CASE("formulas know their functions", "[rewards][graders][formula]") {
  CHECK(value_of("min(3, 1, 2)") == 1);
  CHECK(value_of("max(3, 1, 2)") == 3);
  CHECK(value_of("max(5)") == 5);
  CHECK(value_of("abs(-2.5)") == 2.5);
  CHECK(value_of("floor(-1.5)") == -2);
  CHECK(value_of("ceil(-1.5)") == -1);
  CHECK(value_of("exp(0) + sqrt(9) + log(1)") == 4);
}

TEST_CASE("names are variables, each once in order of appearance", "[rewards][graders][formula]") {
  const Formula formula("b * (a + b) - min * _x1");
  CHECK(formula.names() == std::vector<std::string>{"b", "a", "min", "_x1"});
  CHECK(value_of("b * (a + b) - min * _x1", {2, 3, 1, 4}) == 6);
}

TEST_CASE("what is no formula is refused with its place", "[rewards][graders][formula]") {
  for (const char* text : {"",        " ",         "1 +",       "0.5 * a + 0.5 * b)",
                           "(1",      "1 2",       "a b",       "2a",
                           "min()",   "min(1,)",   "abs(1, 2)", "pow(2, 3)",
                           "1 ** 2",  "--1",       "+1",        "a.b",
                           "a[0]",    "1e999",     "1 // 2",    "%",
                           "a == b",  "a\\",       "\"a\"",     "1,2",
                           "2 ^ ^ 3", "import(os)"}) {
    INFO(text);
    CHECK_THROWS_AS(Formula(text), FormulaError);
  }
  CHECK_THROWS_WITH(Formula("0.5 * a)"), Catch::Contains("\")\" at byte 7"));
  CHECK_THROWS_AS(Formula(std::string(10'000, '(')), FormulaError);
  CHECK_THROWS_AS(Formula(std::string(100, '(') + "1" + std::string(100, ')')), FormulaError);
  CHECK_NOTHROW(Formula(std::string(60, '(') + "1" + std::string(60, ')')));
  std::string tower = "2";
  for (int i = 0; i < 100; ++i) tower += "^2";
  CHECK_THROWS_AS(Formula(tower), FormulaError);
}

TEST_CASE("a formula without a finite value says why", "[rewards][graders][formula]") {
  CHECK_THAT(fault_of("1 / (a - a)", {1}), Catch::Contains("divides by zero"));
  CHECK_THAT(fault_of("log(0)"), Catch::Contains("logarithm"));
  CHECK_THAT(fault_of("log(-1)"), Catch::Contains("logarithm"));
  CHECK_THAT(fault_of("sqrt(-1)"), Catch::Contains("square root"));
  CHECK_THAT(fault_of("2 ^ 1e9"), Catch::Contains("no finite value"));
  CHECK_THAT(fault_of("exp(1000)"), Catch::Contains("no finite value"));
  CHECK_THAT(fault_of("(-8) ^ (1/3)"), Catch::Contains("negative number to a fraction"));
  CHECK_THAT(fault_of("0 ^ -1"), Catch::Contains("divides by zero"));
  CHECK_THAT(fault_of("min(1/0, 1)"), Catch::Contains("divides by zero"));
}
