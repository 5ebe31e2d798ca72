#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"

using namespace gradus::rewards;
using nlohmann::json;

namespace {

std::string example(const std::string& name) {
  return std::string(GRADUS_SOURCE_DIR) + "/examples/rewards/" + name;
}

void check_values(const std::vector<Grade>& grades, const std::vector<double>& values) {
  REQUIRE(grades.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i, grades[i].reason);
    CHECK(grades[i].outcome == GradeOutcome::scored);
    CHECK(grades[i].value == Approx(values[i]));
    CHECK(grades[i].details.at("version").get<std::string>().size() == 7 + 64);
  }
}

}  // namespace

TEST_CASE("the examples of reward rules grade as they say", "[rewards][plugins][examples]") {
  const json row{{"answer", "12"}, {"keywords", {"Apple", "pear"}}};
  check_values(grades_of(*make_rule("python", {{"file", example("trl_form.py:reward")}}),
                         {"so 12", "so 3", "none"}, row),
               {1.0, 0.1, 0.0});
  const auto verl =
      grades_of(*make_rule("python", {{"file", example("verl_form.py:compute_score")}}),
                {"#### 12", "13"}, row);
  check_values(verl, {1.0, 0.0});
  CHECK(verl[1].details.at("said") == "13");
  check_values(grades_of(*make_rule("python", {{"file", example("openai_form.py:grade")}}),
                         {"it is 12 apples", "no"}, row),
               {1.0, 0.0});
  check_values(grades_of(*make_rule("command", {{"command", {"python3", example("command.py")}}}),
                         {"one two", ""}, row),
               {0.02, 0.0});
  check_values(grades_of(*make_rule("library", {{"file", GRADUS_EXAMPLE_LIBRARY}}),
                         {"Done.", "not done"}, row),
               {1.0, 0.0});
  const auto lua = make_rule("lua", {{"file", example("rule.lua")}});
  check_values(grades_of(*lua, {"apples", "Pears and apples"}, row), {0.5, 1.0});
  const Grade skipped = grades_of(*lua, {"apples"})[0];
  CHECK(skipped.outcome == GradeOutcome::skipped);
  CHECK(skipped.reason == "the row has no keywords");
}
