// Golds of GSM8K and of MATH-like answers, written in other ways and with other values.

#include <filesystem>

#include "base/files/jsonl.h"
#include "base/json.h"
#include "rewards/answers/answer_extraction.h"
#include "rewards/math/math_grader.h"
#include "rewards/math/reading/parser.h"
#include "tests/catch.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

bool is_right(const std::string& gold, const std::string& completion) {
  math::MathOptions options;
  options.boxed_match_priority = options.gold_boxed_match_priority = 0;
  return math::grade_math(gold, completion, options).is_right();
}

std::string grouped(const std::string& digits) {
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string boxed(const std::string& text) {
  return "So it is \\boxed{" + text + "}.";
}

std::vector<std::string> lines_of(const std::filesystem::path& path, const char* key) {
  std::vector<std::string> values;
  LineReader reader(path);
  while (const auto line = reader.next()) {
    values.push_back(parse_json(line->text, reader.where()).at(key).get<std::string>());
  }
  return values;
}

}  // namespace

TEST_CASE("GSM8K's golds are right in other spellings and wrong with other values",
          "[rewards][math][forms]") {
  // The last one is the largest: the whole file where it is there.
  const auto answers = lines_of(tests::fixtures("data/gsm8k_test.jsonl.gz").back(), "answer");
  REQUIRE(answers.size() > 200);
  for (const std::string& answer : answers) {
    std::string digits;
    for (const char c : gold_of(answer)) {
      if (c != ',') digits += c;
    }
    const int64_t value = std::stoll(digits);
    const bool is_negative = value < 0;
    const std::string size = std::to_string(is_negative ? -value : value);
    const std::string sign = is_negative ? "-" : "";
    const std::string twice = std::to_string(2 * value);
    const std::string forms[] = {boxed(sign + size + ".00"),
                                 boxed(sign + "\\$" + grouped(size)),
                                 boxed("\\frac{" + twice + "}{2}"),
                                 boxed("x = " + sign + size),
                                 "The answer is " + sign + grouped(size) + ".",
                                 "We add up.\n#### " + sign + size,
                                 "<answer>" + sign + size + "</answer>",
                                 "It comes to $" + sign + size + "$ dollars"};
    for (const std::string& form : forms) {
      CAPTURE(answer, form);
      CHECK(is_right(answer, form));
      CHECK(is_right(std::to_string(value), form));
    }
    for (const int64_t other : {value + 1, value - 1, 10 * value + 1, -value - 1, value + 1000}) {
      const std::string text = std::to_string(other);
      for (const std::string& form : {boxed(text), "The answer is " + text + ".", "#### " + text,
                                      boxed(sign + size + " + 1"), boxed(sign + size + ".5")}) {
        CAPTURE(answer, form);
        CHECK_FALSE(is_right(answer, form));
      }
    }
  }
}

TEST_CASE("MATH's golds are right in other spellings and wrong with other values",
          "[rewards][math][forms]") {
  LineReader reader(tests::fixtures("verify/cases.jsonl").back());
  int num_golds = 0;
  while (const auto line = reader.next()) {
    const json item = parse_json(line->text, reader.where());
    if (!item.at("suite").get<std::string>().starts_with("math500")) continue;
    const std::string gold = item.at("gold").get<std::string>();
    const std::string inside = gold.substr(1, gold.size() - 2);
    ++num_golds;
    const auto replaced = [&](const std::string& what, const std::string& with) {
      std::string text = inside;
      for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
        text.replace(at, what.size(), with);
      }
      return text;
    };
    for (const std::string& form :
         {boxed(inside), boxed(" " + inside + " "), boxed(replaced("\\frac", "\\dfrac")),
          boxed(replaced(" ", "")), boxed("\\displaystyle " + inside),
          "The answer is $" + inside + "$.", "$$\\boxed{" + inside + "}$$"}) {
      // Spaces part commands from letters: \pi r is no \pir.
      const bool joins_command =
          form == boxed(replaced(" ", "")) && inside.find('\\') != std::string::npos;
      if (joins_command) continue;
      CAPTURE(gold, form);
      CHECK(is_right(gold, form));
    }
    const bool is_value = math::parse_math(inside, {}).ok() &&
                          inside.find_first_of(",=<>{}xyz") == std::string::npos &&
                          inside.find("\\text") == std::string::npos &&
                          inside.find("infty") == std::string::npos &&
                          inside.find('_') == std::string::npos;
    if (!is_value) continue;
    for (const std::string& form : {boxed(inside + "+1"), boxed("2(" + inside + ")+\\frac{7}{13}"),
                                    boxed("-(" + inside + ")-\\frac{5}{17}")}) {
      CAPTURE(gold, form);
      CHECK_FALSE(is_right(gold, form));
    }
  }
  CHECK(num_golds > 50);
}
