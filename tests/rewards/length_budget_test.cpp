#include "rewards/scores/length_scores.h"
#include "tests/rewards/one_grade.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

TEST_CASE("the budget forms are those of L1", "[rewards][length_budget]") {
  CHECK(length_budget_score(BudgetForm::exact, 900, 1000, 0.0003, 0.5) == Approx(-0.03));
  CHECK(length_budget_score(BudgetForm::exact, 1100, 1000, 0.0003, 0.5) == Approx(-0.03));
  CHECK(length_budget_score(BudgetForm::max, 1000, 1000, 0.0003, 0.5) == 0.5);
  CHECK(length_budget_score(BudgetForm::max, 0, 10'000, 0.0003, 0.5) == 1.0);
  CHECK(length_budget_score(BudgetForm::max, 10'000, 1000, 0.0003, 0.5) == 0.0);
  CHECK(length_budget_score(BudgetForm::over, 900, 1000, 0.01, 0.5) == 0.0);
  CHECK(length_budget_score(BudgetForm::over, 1100, 1000, 0.01, 0.5) == Approx(-1.0));
}

TEST_CASE("a budget is fixed or the row's own", "[rewards][length_budget]") {
  const std::string rule = "type = \"length_budget\"\nalpha = 0.1\n";
  const std::vector<int32_t> tokens{1, 2, 3};
  CHECK(one_grade(rule + "budget = 5", "abc", nullptr, tokens).value == Approx(-0.2));
  CHECK(one_grade(rule + "column = \"n\"", "abc", json{{"n", 4}}, tokens).value == Approx(-0.1));
  CHECK(one_grade(rule + "column = \"n\"", "abc", json::object(), tokens).outcome ==
        GradeOutcome::skipped);
  CHECK(one_grade(rule + "column = \"n\"\nbudget = 3", "abc", json::object(), tokens).value == 0.0);
  CHECK(one_value(rule + "budget = 2\nunit = \"words\"\npart = \"thinking\"",
                  "<think>a b c</think> d e f") == Approx(-0.1));
  CHECK_THAT(rule_error(rule), Catch::Contains("budget: must be given"));
  CHECK_THAT(rule_error(rule + "budget = 2\npart = \"answer\""), Catch::Contains("part: tokens"));
}

TEST_CASE("text without tokens is skipped by what counts tokens, not taken for empty",
          "[rewards][length]") {
  for (const char* rule : {"type = \"length_budget\"\nbudget = 3", "type = \"repetition\"",
                           "type = \"soft_overlong\"\nmax_length = 2\nbuffer = 1",
                           "type = \"cosine\"\nmax_length = 2"}) {
    const Grade grade = one_grade(rule, "some text", json{{"answer", "5"}});
    CHECK(grade.outcome == GradeOutcome::skipped);
    CHECK_THAT(grade.reason, Catch::Contains("without its tokens"));
  }
}
