#include <cmath>
#include <limits>

#include "base/error.h"
#include "rewards/registry.h"
#include "rewards/reward_set.h"
#include "rewards/scores/arithmetic.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

RewardConfig config_of(const std::string& toml) {
  RewardConfig config;
  read_settings(config, toml, "recipe.toml");
  config.where = "recipe.toml:1: rewards[0]";
  return config;
}

Grade grade_one(const std::string& toml, const std::string& completion, const json& row = nullptr,
                bool truncated = false) {
  RewardInput input;
  input.completion = completion;
  input.row = &row;
  input.truncated = truncated;
  return make_reward_rule(config_of(toml))->grade(std::span(&input, 1)).at(0);
}

double value_of(const std::string& toml, const std::string& completion, const json& row) {
  const Grade grade = grade_one(toml, completion, row);
  CHECK(grade.outcome == GradeOutcome::scored);
  return grade.value;
}

std::string error_of(const std::string& toml) {
  try {
    make_reward_rule(config_of(toml));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// A rule whose answer the test chooses.
class FixedRule final : public RewardRule {
 public:
  explicit FixedRule(std::vector<Grade> grades, bool throws = false)
      : grades_(std::move(grades)), throws_(throws) {}
  std::string name() const override { return "fixed"; }
  std::vector<Grade> grade(std::span<const RewardInput>) override {
    if (throws_) throw std::runtime_error("out of luck");
    return grades_;
  }

 private:
  std::vector<Grade> grades_;
  bool throws_;
};

RewardSet set_of(std::vector<std::vector<Grade>> grades, const std::vector<double>& weights,
                 bool last_throws = false) {
  std::vector<std::unique_ptr<RewardRule>> rules;
  for (size_t k = 0; k < grades.size(); ++k) {
    rules.push_back(std::make_unique<FixedRule>(grades[k], last_throws && k + 1 == grades.size()));
  }
  std::vector<RewardTerms> terms;
  for (const double weight : weights) terms.push_back({weight, {}, {}, {}});
  return RewardSet(std::move(rules), std::move(terms));
}

}  // namespace

TEST_CASE("accuracy pays a right answer and nothing else", "[rewards][accuracy]") {
  const std::string rule = "type = \"accuracy\"";
  const json row{{"answer", "She sold 48+24 = 72.\n#### 72"}};
  CHECK(value_of(rule, "48/2=24\n#### 72", row) == 1.0);
  CHECK(value_of(rule, "<think>71</think>\n<answer>72</answer>", row) == 1.0);
  CHECK(value_of(rule, "\\boxed{72.0}", row) == 1.0);
  CHECK(value_of(rule, "It is 73", row) == 0.0);
  CHECK(value_of(rule, "", row) == 0.0);
  CHECK(value_of(rule, "<think>\\boxed{72}</think> I do not know", row) == 0.0);
  CHECK(value_of(rule + "\nthinking = \"keep\"", "<think>\\boxed{72}</think> no", row) == 1.0);
  CHECK(value_of(rule + "\nthinking = \"required\"", "\\boxed{72}", row) == 0.0);
  CHECK(value_of(rule + "\nextract = \"boxed\"", "It is 72", row) == 0.0);
  CHECK(value_of(rule + "\nwrong = -1.0\nno_answer = -2.0", "5", row) == -1.0);
  CHECK(value_of(rule + "\nwrong = -1.0\nno_answer = -2.0", "none", row) == -2.0);
  CHECK(value_of(rule, "51", json{{"answer", 51.0}}) == 1.0);
  CHECK(value_of(rule, "6", json{{"answer", {5, "6"}}}) == 1.0);
  CHECK(value_of(rule + "\nreference = \"gold\"", "A. yes", json{{"gold", "A"}}) == 0.0);
  CHECK(value_of(rule + "\nreference = \"gold\"", "The answer is A.", json{{"gold", "A"}}) == 1.0);
  CHECK(value_of(rule + "\nreference = \"a.b\"", "\\boxed{7}", json{{"a", {{"b", 7}}}}) == 1.0);
  CHECK(grade_one(rule + "\nmust_finish = true", "\\boxed{72}", row, true).value == 0.0);
  CHECK(grade_one(rule, "\\boxed{72}", row, true).value == 1.0);
}

TEST_CASE("a profile's own score is paid unless the recipe says otherwise",
          "[rewards][accuracy][profiles]") {
  const std::string dapo = "type = \"accuracy\"\nprofile = \"math_dapo\"\n";
  const json seven{{"answer", "7"}};
  CHECK(value_of(dapo, "Answer: 7", seven) == 1.0);
  CHECK(value_of(dapo, "Answer: 8", seven) == -1.0);
  CHECK(value_of(dapo + "wrong = 0.0", "Answer: 8", seven) == 0.0);
  CHECK(value_of(dapo + "right = 2.0", "Answer: 7", seven) == 2.0);
  CHECK(grade_one(dapo + "must_finish = true", "Answer: 7", seven, true).value == -1.0);
  const std::string countdown = "type = \"accuracy\"\nprofile = \"countdown\"\n";
  const json puzzle{{"answer", {{"target", 5}, {"numbers", {2, 3}}}}};
  CHECK(value_of(countdown, "<answer>2 + 3</answer>", puzzle) == 1.0);
  CHECK(value_of(countdown, "<answer>2 - 3</answer>", puzzle) == 0.1);
  CHECK(value_of(countdown, "none", puzzle) == 0.0);
}

TEST_CASE("a row without a gold is skipped, never 0", "[rewards][accuracy]") {
  for (const json& row : {json(nullptr), json::object(), json{{"answer", nullptr}},
                          json{{"answer", ""}}, json{{"answer", json::array()}}}) {
    const Grade grade = grade_one("type = \"accuracy\"", "5", row);
    CHECK(grade.outcome == GradeOutcome::skipped);
    CHECK_FALSE(grade.reason.empty());
  }
}

TEST_CASE("a gold that nobody can read is an error, not a silent skip", "[rewards][accuracy]") {
  const Grade grade =
      grade_one("type = \"accuracy\"", "\\boxed{5}", json{{"answer", "\\frac{5}{"}});
  CHECK(grade.outcome == GradeOutcome::failed);
  CHECK_THAT(grade.reason, Catch::Contains("cannot be read"));
}

TEST_CASE("the question's own sum is paid only where no value is asked for",
          "[rewards][accuracy]") {
  const json five{{"answer", "5"}};
  const std::string strict = "type = \"accuracy\"\nevaluated = true";
  CHECK(value_of("type = \"accuracy\"", "\\boxed{2+3}", five) == 1.0);
  for (const char* sum : {"2+3", "10/2", "5!/4!", "\\sqrt{25}", "2+3+0", "\\binom{5}{1}", "x=2+3",
                          "\\frac{2+3}{1}", "5\\cdot1"}) {
    CAPTURE(sum);
    CHECK(value_of(strict, std::string("\\boxed{") + sum + "}", five) == 0.0);
  }
  for (const char* value : {"5", "2+3=5", "x=5", "5.0", "5\\text{ cm}", "m+n=5"}) {
    CAPTURE(value);
    CHECK(value_of(strict, std::string("\\boxed{") + value + "}", five) == 1.0);
  }
  CHECK(value_of(strict, "\\boxed{2^{100}}", json{{"answer", "2^{100}"}}) == 1.0);
  CHECK(value_of(strict, "\\boxed{1+\\sqrt{2}}", json{{"answer", "1+\\sqrt{2}"}}) == 1.0);
  CHECK(value_of(strict, "\\boxed{\\frac{3}{4}}", json{{"answer", "0.75"}}) == 1.0);
}

TEST_CASE("a measurement within one per cent is right where that is allowed",
          "[rewards][accuracy]") {
  const std::string rule = "type = \"accuracy\"\nrelative_tolerance = 0.01";
  const json row{{"answer", "2.00e8"}};
  CHECK(value_of(rule, "\\boxed{1.99\\times 10^8}", row) == 1.0);
  CHECK(value_of(rule, "\\boxed{1.97\\times 10^8}", row) == 0.0);
  CHECK(value_of(rule, "\\boxed{2.00\\times 10^8} or \\boxed{5}", row) == 0.0);
  CHECK(value_of(rule, "\\boxed{0.001}", json{{"answer", "0"}}) == 0.0);
}

TEST_CASE("two answer blocks are no strict format", "[rewards][format]") {
  const std::string rule = "type = \"format\"\nvariant = \"r1_strict\"";
  const std::string one = "<think>\nso\n</think>\n<answer>\n5\n</answer>";
  CHECK(value_of(rule, one, json::object()) == 1.0);
  CHECK(value_of(rule, "<think>\nso\n</think>\n<answer>\n6\n</answer>\n<answer>\n5\n</answer>",
                 json::object()) == 0.0);
  CHECK(value_of(rule, "<think>\n<think>so\n</think>\n<answer>\n5\n</answer>", json::object()) ==
        0.0);
}

TEST_CASE("unknown rules and options are refused with the nearest name", "[rewards][registry]") {
  CHECK(error_of("type = \"acuracy\"") ==
        "recipe.toml:1: rewards[0]: type: \"acuracy\" is not a rule; did you mean \"accuracy\"?");
  CHECK(error_of("type = \"accuracy\"\nextrct = \"boxed\"") ==
        "recipe.toml:1: rewards[0]: extrct: is not a setting; did you mean extract?");
  CHECK(error_of("type = \"accuracy\"\nwieght = 2.0") ==
        "recipe.toml:1: rewards[0]: wieght: is not a setting; did you mean weight?");
  CHECK_THAT(error_of("type = \"reasoning_steps\"\nxyzzy = 2.0"),
             Catch::Contains("known here: type, name, weight, min, max, gate"));
  CHECK_THAT(error_of("type = \"soft_overlong\""),
             Catch::Contains("max_length: is 0, must be >= 1. It has no default"));
  CHECK_THAT(error_of("type = \"soft_overlong\"\nmax_length = 5\nbuffer = 6"),
             Catch::Contains("buffer: is 6, must be <= max_length = 5"));
}

TEST_CASE("countdown accepts exact expressions over the given numbers alone",
          "[rewards][countdown]") {
  const std::string rule = "type = \"countdown\"\nattempt = 0.1";
  const json row{{"target", 24}, {"numbers", {3, 3, 8, 8}}};
  CHECK(value_of(rule, "<answer>8/(3-8/3)</answer>", row) == 1.0);
  CHECK(value_of(rule, "<answer> 8 ÷ (3 − 8 / 3) = 24 </answer>", row) == 1.0);
  CHECK(value_of(rule, "<answer>\\frac{8}{3 - \\frac{8}{3}}</answer>", row) == 1.0);
  CHECK(value_of(rule, "<answer>3*8</answer>", row) == 0.1);
  CHECK(value_of(rule + "\nuse_all = false", "<answer>3*8</answer>", row) == 1.0);
  CHECK(value_of(rule + "\nuse_all = false", "<answer>8+8+8</answer>", row) == 0.1);
  CHECK(value_of(rule, "<answer>24</answer>", row) == 0.1);
  CHECK(value_of(rule, "<answer>__import__('os')</answer>", row) == 0.1);
  CHECK(value_of(rule, "8/(3-8/3)", row) == 0.0);
  const json nested{{"metadata", {{"target", 196}, {"numbers", {55, 57, 100, 98}}}}};
  CHECK(value_of(rule + "\nextract = \"whole\"", "98 - 57 + 55 + 100", nested) == 1.0);
  CHECK(grade_one(rule, "<answer>1</answer>", json{{"target", 1}}).outcome ==
        GradeOutcome::skipped);
  const json inside{{"a", {{"t", 5}, {"n", {2, 3}}}}};
  CHECK(value_of(rule + "\ntarget = \"a.t\"\nnumbers = \"a.n\"", "<answer>2+3</answer>", inside) ==
        1.0);
  const json as_text{{"target", " -24 "}, {"numbers", {"3", 3.0, "8", "08"}}};
  CHECK(value_of(rule, "<answer>-8/(3-8/3)</answer>", as_text) == 1.0);
}

TEST_CASE("arithmetic is exact and refuses what is no arithmetic", "[rewards][arithmetic]") {
  const auto text = [](const std::string& expression) {
    const auto result = evaluate_arithmetic(expression);
    return result.value ? result.value->str() : result.fault;
  };
  CHECK(text("2*3+4") == "10");
  CHECK(text("2+3*4") == "14");
  CHECK(text("8-3-2") == "3");
  CHECK(text("-2*-3") == "6");
  CHECK(text("-(2+1)/3") == "-1");
  CHECK(text("1/3+1/6") == "1/2");
  CHECK(text("010") == "10");
  CHECK(text("\\left(2 \\times 3\\right) \\div 4") == "3/2");
  CHECK(text("\\dfrac {1 + 2} {4} \\cdot 8") == "6");
  CHECK(text("2·3 – 1") == "5");
  CHECK(text("（１２＋3）÷5") == "3");
  CHECK(text("1/(2-2)") == "division by zero");
  for (const char* bad :
       {"",         "2+", "2 3",    "2**3",   "7//2",      "2^3",       "(2",
        "2)",       "()", "abs(2)", "1.5",    "*2",        "\\frac{1}", "\\frac{1}2",
        "\\frac12", "{2", "2}",     "\\frac", "\\sqrt{4}", "2{3}"}) {
    CAPTURE(bad);
    CHECK_FALSE(evaluate_arithmetic(bad).value.has_value());
  }
  CHECK_FALSE(evaluate_arithmetic(std::string(100'000, '(')).value.has_value());
  CHECK(text(std::string(1500, '(') + "7" + std::string(1500, ')')) == "7");
  CHECK_FALSE(evaluate_arithmetic("9" + std::string(40, '9')).value.has_value());
}

TEST_CASE("a completion's reward is the weighted sum of what was scored", "[rewards][set]") {
  auto set = set_of({{scored(1), scored(2), skipped("x")}, {scored(4), skipped("y"), failed("z")}},
                    {1.0, 0.5});
  const std::vector<RewardInput> group(3);
  const GradedGroup graded = set.grade(group);
  CHECK(graded.rewards[0] == 3.0);
  CHECK(graded.rewards[1] == 2.0);
  CHECK(std::isnan(graded.rewards[2]));
  const auto counts = set.take_counts();
  CHECK(counts[0].scored == 2);
  CHECK(counts[0].skipped == 1);
  CHECK(counts[1].failed == 1);
  CHECK(counts[1].first_reason == "z");
  CHECK(set.take_counts()[0].total() == 0);
}

TEST_CASE("values that are no finite numbers of a sane size are failures", "[rewards][set]") {
  const double inf = std::numeric_limits<double>::infinity();
  auto set = set_of({{scored(std::nan("")), scored(inf), scored(1e308), scored(-0.0)}}, {1.0});
  const auto graded = set.grade(std::vector<RewardInput>(4));
  for (int i = 0; i < 3; ++i) {
    CHECK(graded.grades[0][static_cast<size_t>(i)].outcome == GradeOutcome::failed);
    CHECK(std::isnan(graded.rewards[static_cast<size_t>(i)]));
  }
  CHECK_FALSE(std::signbit(graded.rewards[3]));
}

TEST_CASE("a rule that breaks its contract fails its grades, not the group", "[rewards][set]") {
  auto set = set_of({{scored(1), scored(1)}, {scored(1)}, {}}, {1.0, 1.0, 1.0}, true);
  const auto graded = set.grade(std::vector<RewardInput>(2));
  CHECK(graded.rewards == std::vector<double>{1.0, 1.0});
  CHECK(graded.grades[1][0].reason == "rule fixed gave 1 grades for 2 completions");
  CHECK(graded.grades[2][1].reason == "out of luck");
}

TEST_CASE("too many failures stop the run with rule, share and reason", "[rewards][set]") {
  auto set = set_of({{scored(1), scored(1), scored(1), failed("no module")}}, {1.0});
  set.grade(std::vector<RewardInput>(4));
  const auto counts = set.take_counts();
  CHECK_NOTHROW(check_failed_share(counts, 0.25));
  CHECK_THROWS_WITH(check_failed_share(counts, 0.2),
                    "reward rule fixed: 1 of 4 completions could not be graded (1 failed, 0 timed "
                    "out), more than the allowed share of 0.2. The first: no module");
}

TEST_CASE("two rules of one name and no rule are refused", "[rewards][set]") {
  const auto rule = config_of("type = \"accuracy\"");
  CHECK_THROWS_AS(RewardSet({rule, rule}), ConfigError);
  CHECK_THROWS_AS(RewardSet(std::vector<RewardConfig>{}), ConfigError);
  auto other = rule;
  other.name = "second";
  CHECK(RewardSet({rule, other}).rule_names() == std::vector<std::string>{"accuracy", "second"});
}

TEST_CASE("the length rule compares right and wrong answers within the group",
          "[rewards][length]") {
  const json row{{"answer", "5"}};
  const json none = json::object();
  std::vector<RewardInput> group(4);
  const std::vector<std::string> texts{"#### 5", "long way: #### 5", "a much longer way: #### 6",
                                       "x"};
  for (size_t i = 0; i < group.size(); ++i) {
    group[i].completion = texts[i];
    group[i].row = i < 3 ? &row : &none;
  }
  const auto grades = make_reward_rule(config_of("type = \"length\""))->grade(group);
  CHECK(grades[0].value == 0.5);
  CHECK(grades[1].value == Approx(0.5 - 10.0 / 19.0));
  CHECK(grades[2].value == -0.5);
  CHECK(grades[3].outcome == GradeOutcome::skipped);
}
