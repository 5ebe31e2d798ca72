#include "rollout/tasks/generated_task.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rollout;

namespace {

/// A value of + - * / and parentheses in exact integers, for checking what the tasks say.
class Calculator {
 public:
  explicit Calculator(const std::string& text) {
    for (const char c : text)
      if (c != ' ') text_ += c;
  }
  int64_t value() {
    const int64_t result = sum();
    REQUIRE(at_ == text_.size());
    return result;
  }
  std::vector<int64_t> numbers;

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  int64_t sum() {
    int64_t value = product();
    while (peek() == '+' || peek() == '-') {
      const char op = text_[at_++];
      const int64_t right = product();
      value = op == '+' ? value + right : value - right;
    }
    return value;
  }
  int64_t product() {
    int64_t value = factor();
    while (peek() == '*' || peek() == '/') {
      const char op = text_[at_++];
      const int64_t right = factor();
      if (op == '/') REQUIRE(value % right == 0);
      value = op == '*' ? value * right : value / right;
    }
    return value;
  }
  int64_t factor() {
    if (peek() == '(') {
      ++at_;
      const int64_t value = sum();
      REQUIRE(text_[at_++] == ')');
      return value;
    }
    if (peek() == '-') return ++at_, -factor();
    size_t used = 0;
    const int64_t value = std::stoll(text_.substr(at_), &used);
    at_ += used;
    numbers.push_back(value);
    return value;
  }
  std::string text_;
  size_t at_ = 0;
};

}  // namespace

TEST_CASE("a generated row depends on name, options, seed and index alone", "[rollout][task]") {
  for (const auto& task : list_tasks()) {
    const auto row = generate_task(task.name, {}, 7, 12);
    CHECK(row == generate_task(task.name, nlohmann::json::object(), 7, 12));
    CHECK(row["question"] != generate_task(task.name, {}, 7, 13)["question"]);
    CHECK(row["question"] != generate_task(task.name, {}, 8, 12)["question"]);
    CHECK(row["task"] == task.name);
    CHECK(row["index"] == 12);
    CHECK(row["answer"].is_string());
  }
}

TEST_CASE("generated rows are the same on every machine", "[rollout][task]") {
  CHECK(generate_task("arithmetic", {}, 1, 0)["question"] == "What is 43 + 42?");
  CHECK(generate_task("countdown", {{"numbers", 3}}, 1, 0)["answer"] == "97 - 21 + 86");
}

TEST_CASE("arithmetic answers are right and within the options", "[rollout][task]") {
  const nlohmann::json options = {{"min", -20}, {"max", 30}, {"operators", "+-*/"}};
  for (int i = 0; i < 300; ++i) {
    const auto row = generate_task("arithmetic", options, 3, i);
    Calculator calculator(row["expression"].get<std::string>());
    CHECK(std::to_string(calculator.value()) == row["answer"]);
  }
}

TEST_CASE("chain sums have the terms asked for and the right answer", "[rollout][task]") {
  const nlohmann::json options = {{"terms", 6}, {"min_terms", 3}, {"digits", 1}};
  std::set<size_t> lengths;
  for (int i = 0; i < 200; ++i) {
    const auto row = generate_task("chain_sum", options, 3, i);
    Calculator calculator(row["expression"].get<std::string>());
    CHECK(std::to_string(calculator.value()) == row["answer"]);
    lengths.insert(calculator.numbers.size());
    for (const int64_t n : calculator.numbers) CHECK((n >= 0 && n <= 9));
  }
  CHECK(lengths == std::set<size_t>{3, 4, 5, 6});
}

TEST_CASE("comparisons ask for one of different numbers", "[rollout][task]") {
  const auto count = GENERATE(2, 5);
  for (int i = 0; i < 200; ++i) {
    const auto row = generate_task("comparison", {{"numbers", count}, {"digits", 1}}, 3, i);
    auto numbers = row["numbers"].get<std::vector<int64_t>>();
    std::sort(numbers.begin(), numbers.end());
    REQUIRE(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
    const int64_t answer = row["which"] == "largest" ? numbers.back() : numbers.front();
    CHECK(row["answer"] == std::to_string(answer));
  }
}

TEST_CASE("countdown's example solution uses each number once and reaches the target",
          "[rollout][task]") {
  const auto count = GENERATE(2, 4, 6);
  for (int i = 0; i < 100; ++i) {
    const auto row = generate_task("countdown", {{"numbers", count}}, 5, i);
    Calculator calculator(row["solution"].get<std::string>());
    CHECK(calculator.value() == row["target"].get<int64_t>());
    auto given = row["numbers"].get<std::vector<int64_t>>();
    std::sort(given.begin(), given.end());
    std::sort(calculator.numbers.begin(), calculator.numbers.end());
    CHECK(given == calculator.numbers);
  }
}

TEST_CASE("a mistyped task or option is refused with the nearest name", "[rollout][task]") {
  CHECK_THROWS_WITH(generate_task("countdwon", {}, 0, 0), Catch::Contains("\"countdown\""));
  CHECK_THROWS_WITH(generate_task("arithmetic", {{"digit", 3}}, 0, 0), Catch::Contains("digits"));
  CHECK_THROWS_AS(generate_task("arithmetic", {{"digits", 30}}, 0, 0), ConfigError);
  CHECK_THROWS_AS(generate_task("arithmetic", {{"operators", "^"}}, 0, 0), ConfigError);
  CHECK_THROWS_AS(
      generate_task("countdown", {{"min_target", 999999999}, {"max_target", 999999999}}, 0, 0),
      ConfigError);
}
