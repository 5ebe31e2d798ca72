#include "rewards/rules/option_texts.h"

#include "tests/rewards/one_grade.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

/// The grade of `accuracy` with option_texts = "choices".
double grade(const json& row, const std::string& completion) {
  return one_value("type = \"accuracy\"\noption_texts = \"choices\"\n", completion, row);
}

}  // namespace

TEST_CASE("a choice may be answered by its option's text", "[rewards][choices]") {
  const json row{{"choices", {"the nucleus", "the mitochondria", "the ribosome", "the cell wall"}},
                 {"answer", "B"}};
  for (const char* right : {"The answer is B.", "\\boxed{\\text{The Mitochondria}}",
                            "<answer>the mitochondria</answer>", "The answer is the mitochondria."})
    CHECK(grade(row, right) == 1.0);
  for (const char* wrong : {"The answer is C.", "<answer>the ribosome</answer>",
                            "<answer>the mitochondria or the ribosome</answer>",
                            "<answer>mitochondria and more</answer>", "I do not know.",
                            "<answer>the ribosome</answer> The answer is the mitochondria."})
    CHECK(grade(row, wrong) == 0.0);
}

TEST_CASE("golds may be the option's text or its place, options may be labelled otherwise",
          "[rewards][choices]") {
  CHECK(grade({{"choices", {"4", "5", "6"}}, {"answer", 1}}, "The answer is 5.") == 1.0);
  CHECK(grade({{"choices", {"4", "5", "6"}}, {"answer", 1}}, "The answer is B.") == 1.0);
  CHECK(grade({{"choices", {"4", "5", "6"}}, {"answer", 1}}, "The answer is 6.") == 0.0);
  CHECK(grade({{"choices", {"red", "blue"}}, {"answer", "blue"}}, "The answer is B.") == 1.0);
  const json arc{{"choices", {{"label", {"1", "2"}}, {"text", {"red", "blue"}}}}, {"answer", "2"}};
  CHECK(grade(arc, "<answer>blue</answer>") == 1.0);
  CHECK(grade(arc, "<answer>red</answer>") == 0.0);
  const json by_label{{"choices", {{"A", "red"}, {"B", "blue"}}}, {"answer", "B"}};
  CHECK(grade(by_label, "<answer>blue</answer>") == 1.0);
  // Two options of one text say nothing.
  CHECK(grade({{"choices", {"red", "red"}}, {"answer", "A"}}, "<answer>red</answer>") == 0.0);
}
